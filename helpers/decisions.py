"""The page that answers "should I oversample?": its table, its picture, its validation.

All of it comes from stored rows when the book is built; `helpers.experiments.many_tables`
decides what the lines say.
"""

from . import experiments, store
from .display import plain


def fill_in_decisions(stage):
    """Fill in the decision table, its picture and its validation, from the stored rows.

    Parameters
    ----------
    stage : Path
        As in `fill_in_answers`.
    """
    page = stage / "book" / "answer.md"
    if not page.exists():
        return
    results = stage / "book" / "results"
    module = experiments.find("many_tables")
    tables = {
        name: store.read(path)
        for name, file in {
            "many_tables": "many_tables-paper.csv",
            "deep_smote": "deep_smote-tenth.csv",
        }.items()
        if (path := results / file).exists()
    }
    rows = tables.pop("many_tables", None)
    filled = dict.fromkeys(("sentence", "state", "picture", "validation"), "")
    filled |= {"table": "No row is stored yet.", "sentence": "no row is stored yet."}
    if rows is not None and len(rows):
        filled["sentence"] = module.sentence(rows)
        filled["state"] = module.state(rows, len(module.cells("paper")))
        filled["table"] = decision_table(module.answer(rows, tables))
        filled["validation"] = validation(module.left_out(rows))
        rungs = module.ladder(rows).dropna()
        if len(rungs) > 1:
            picture = stage / "book" / "figures" / "ladder.png"
            picture.parent.mkdir(exist_ok=True)
            draw_ladder(rungs, picture)
            filled["picture"] = ladder_text(rungs)
    text = page.read_text(encoding="utf-8")
    for name, found in filled.items():
        text = text.replace(f"{{{{ answer_{name} }}}}", found)
    page.write_text(text, encoding="utf-8")


def decision_table(lines):
    """Lines of a decision table as Markdown.

    Parameters
    ----------
    lines : sequence
        With ``situation, advice, verdict, sure, asked_first``; the advice is Markdown,
        the others are text.

    Returns
    -------
    str
    """
    if not lines:
        return "No line has rows yet."
    head = "| situation | do this | how sure, from the rows |\n|---|---|---|\n"
    return head + "\n".join(
        f"| {plain(one.situation)} | {one.advice} | **{plain(one.verdict)}**"
        f"{' (asked first)' if one.asked_first else ''}: {plain(one.sure)} |"
        for one in lines
    )


def validation(table):
    """What the rule costs on tables that it has not seen, as Markdown.

    Parameters
    ----------
    table : DataFrame
        As of ``left_out`` of the chapter on many tables.

    Returns
    -------
    str
    """
    from .plotting import printed  # brings matplotlib with it

    if table.empty:
        return (
            "The rule will be validated by leaving out one source at a time, once seven "
            "tables have every arm. They have not yet."
        )
    idle = all(row["chosen"] == "nothing" for _, row in table.iterrows())
    lines = [
        "Had a source been left out and the rule been asked from the others: what it gains on "
        "that source over a tuned threshold alone, in the mean over sources, beside other habits."
        + (
            " It says *nothing* for every need, so that its zeros are there by construction and "
            "validate nothing yet; what it forgoes is in the last columns."
            if idle
            else ""
        ),
        "",
        "| need | the rule takes | gains | on the worst | always SMOTE | largest mean | "
        "best, had one known | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for need, row in table.iterrows():
        numbers = (
            plain(f"{0 - row[name]:+.3f}")
            for name in ("regret", "worst", "always SMOTE", "largest mean", "best")
        )
        lines.append(
            f"| {plain(need)} | {plain(printed(row['chosen']))} | "
            f"{' | '.join(numbers)} | {row['n']:.0f} |"
        )
    lines += [
        "",
        "Decisions in mean recall, ranking in average precision, probabilities in what the log "
        "loss falls by. *Largest mean* takes the arm that gained most on the other sources.",
    ]
    return "\n".join(lines)


def draw_ladder(rungs, path):
    """Gains with thresholds at one half, and beside them with thresholds tuned.

    Parameters
    ----------
    rungs : DataFrame
        As of ``ladder`` of the chapter on many tables.
    path : Path
        Of the picture.
    """
    import matplotlib

    with matplotlib.rc_context():
        from matplotlib.figure import Figure

        from .plotting import STYLE, ladder

        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(7, 1 + 0.32 * len(rungs)), layout="constrained")
        ladder(rungs, figure.subplots(1, 2, sharey=True, sharex=True))
        figure.savefig(path, dpi=110)


def ladder_text(rungs):
    """Caption and alternative text of `draw_ladder`, as Markdown."""
    from .plotting import printed  # brings matplotlib with it

    n = int(rungs["n"].max())
    arms = rungs.drop(index="threshold", errors="ignore")
    half, tuned = arms["plain"].idxmax(), arms["tuned"].idxmax()
    alone = rungs["plain"].get("threshold", float("nan"))
    told = (
        f"with thresholds at one half a tuned threshold gains {alone:+z.3f} in the median and "
        f"the best arm, {plain(printed(half))}, {arms['plain'].max():+z.3f}; with all thresholds "
        f"tuned the largest gain is {arms['tuned'].max():+z.3f}"
    )
    return (
        f"```{{figure}} figures/ladder.png\n:name: ladder\n:alt: Two panels, {len(rungs)} rungs: {told}\n\n"
        f"The ladder, from simple to complex, boosting, {n} tables: {told} "
        f"({plain(printed(tuned))}). On the left every arm is compared with doing nothing at one half, "
        "on the right with doing nothing and its threshold tuned, table by table. The panels "
        "do not subtract: each is a median over tables.\n```"
    )
