"""What the rows of the choice (`selection`) say, as tables and sentences of a page."""

import pandas as pd

#: Kinds of made tables, by their printed names.
KINDS = {
    "null-permuted": "labels shuffled",
    "null-logistic": "a logistic curve",
    "power-threshold": "a threshold helps",
    "power-weights": "weights help",
    "power-sampler": "a sampler helps",
}


def named_kinds(table) -> pd.DataFrame:
    """A table by kind and need, with printed names of kinds and their numbers of rows."""

    def printed(dataset):
        if dataset in KINDS:
            return KINDS[dataset]
        kind, _, size = dataset.rpartition("-")
        return f"{KINDS[kind]}, {int(size):,} rows"

    index = pd.MultiIndex.from_tuples(
        [(printed(dataset), need) for dataset, need in table.index],
        names=["made tables", "need"],
    )
    return table.set_axis(index)


def alarms_table(found) -> pd.DataFrame:
    """`false_alarms` for a page: on how many tables each departed, and the interval.

    Parameters
    ----------
    found : DataFrame
    """
    shown = {
        name: [
            f"{of[who]:.0f} of {of['tables']:.0f} [{of[f'{who}_low']:.2f}, "
            f"{of[f'{who}_high']:.2f}]"
            for _, of in found.iterrows()
        ]
        for who, name in (("rule", "the rule"), ("largest_mean", "the largest mean"))
    }
    return named_kinds(pd.DataFrame(shown, found.index))


def alarms_told(cheap, deep, most) -> str:
    """In words, how often the rule and the largest mean departed, in all.

    Parameters
    ----------
    cheap, deep : Series
        The line of `false_alarms` for all tables together: with cheap arms, with networks.
    most : int
        Departures that chance explains on as many tables as `cheap` has.
    """

    def departed(of):
        share = f"{of['rule_share']:.3f} [{of['rule_low']:.3f}, {of['rule_high']:.3f}]"
        return (
            f"the rule departed on {of['rule']:.0f} of {of['tables']:.0f} tables, {share}; "
            f"the largest mean on {of['largest_mean']:.0f}"
        )

    return (
        f"With arms without a network {departed(cheap)}. A rule that errs on 5 of 100 "
        f"departs on {most} of them at most. With two networks among the arms "
        f"{departed(deep)}."
    )


def power_table(found) -> pd.DataFrame:
    """`power` for a page: the share of tables where the gain was found with its interval.

    Parameters
    ----------
    found : DataFrame
    """
    shown = found.drop(columns=["low", "high"])
    shown["found"] = [
        f"{of['found']:.2f} [{of['low']:.2f}, {of['high']:.2f}]"
        for _, of in found.iterrows()
    ]
    return named_kinds(shown)
