"""One column and its code in [0, 1]: numbers, dates, categories, and what has none."""

import numbers
from contextlib import suppress

import numpy as np
import pandas as pd

from ._kinds import are_written, date_form, numbers_of, odd_date
from ._scale import Scale, outliers

#: Numbers are taken to be rounded where they have at most so many decimals.
MOST_DECIMALS = 6
#: Steps of the calendar, the coarsest first; durations have no months.
STEPS = "Y", "M", "D", "h", "m", "s", "ms", "us", "ns"


class Column:
    """What all kinds of columns share.

    `parts` are the kind and the width of each block of codes; `encode` writes a column
    into its stripe of the matrix, which is all zeros, and `decode` reads it. What was not
    seen is an error, unless `replace` says to take what is most usual.
    """

    parts = ()

    def __init__(self, series, name, why):
        self.name, self.why = name, why
        self.dtype = series.dtype
        self.share_missing = float(series.isna().mean())

    @property
    def width(self):
        return sum(width for _, width in self.parts)

    def encode(self, series, codes, replace):
        pass

    def labels(self):
        """What each column of codes is called."""
        return []

    def _refuse_holes(self, missing):
        if missing.any() and not self.share_missing:
            raise ValueError(
                f"Column {self.name!r} has {missing.sum()} missing value(s), and had none "
                "when the codec was fitted; fit it on rows that have some, fill them in, "
                "or take TableCodec(unknown='replace')."
            )

    def seen(self):
        """What was seen, in a few words."""
        return ""


class Constant(Column):
    """One value, or none at all; new rows repeat it."""

    kind = "constant"

    def __init__(self, series, name, why):
        super().__init__(series, name, why)
        self.value = series.iloc[:1]

    def decode(self, codes, rng):
        return self.value.iloc[np.zeros(len(codes), int)].reset_index(drop=True)

    def seen(self):
        return "" if self.share_missing else f"{self.value.iloc[0]}"


class LeftOut(Column):
    """An id, free text, or what the caller says; missing in new rows."""

    kind = "leave_out"

    def __init__(self, series, name, why):
        super().__init__(series, name, why)
        self.none = series.iloc[:0]
        if getattr(series.dtype, "subtype", series.dtype).kind in "iub":
            # numpy has no missing whole number; pandas' own type of the same width has.
            self.none = pd.Series(np.asarray(self.none)).convert_dtypes()

    def decode(self, codes, rng):
        return self.none.reset_index(drop=True).reindex(range(len(codes)))


class Category(Column):
    """Levels, one column of codes each; a hole is a level, rare ones share one."""

    kind = "category"

    def __init__(self, series, name, why, min_frequency, max_levels):
        super().__init__(series, name, why)
        missing = series.isna()
        known = series[~missing]
        self.hole = series[missing].iloc[0] if missing.any() else None
        levels = known.drop_duplicates()
        with suppress(TypeError):  # several types: in the order in which they appear
            levels = levels.sort_values()
        self.levels = levels.array
        self._index = pd.Index(self.levels, dtype=self.dtype)
        counts = np.bincount(self._index.get_indexer(known), minlength=len(levels))

        least = min_frequency if min_frequency >= 1 else min_frequency * len(series)
        rare = counts < least
        if len(levels) - max(rare.sum() - 1, 0) > max_levels:
            rare[np.argsort(-counts, kind="stable")[max_levels - 1 :]] = True
        if rare.sum() == 1:
            rare[:] = False
        self.rare = np.flatnonzero(rare)
        self.rare_shares = counts[rare] / max(counts[rare].sum(), 1)
        common = np.flatnonzero(~rare)
        # From column to level and back; -1 is the shared one.
        self.level_of = np.append(common, [-1] * bool(rare.any())).astype(int)
        self.column_of = np.full(len(levels), len(common))
        self.column_of[common] = np.arange(len(common))
        self.parts = ((self.kind, len(self.level_of) + bool(missing.any())),)
        # The columns of a hole and of a level that was not seen.
        usual = self.column_of[counts.argmax()]
        self._hole = self.width - 1 if missing.any() else usual
        self._other = len(common) if len(self.rare) else self._hole

    def encode(self, series, codes, replace):
        missing = series.isna().to_numpy()
        if not replace:
            self._refuse_holes(missing)
        known = series[~missing] if missing.any() else series
        if known.dtype != self.dtype:
            known = known.astype(object)
        found = self._index.get_indexer(known)
        if not replace and not len(self.rare) and (found < 0).any():
            odd = known[found < 0].unique()
            raise ValueError(
                f"Column {self.name!r} has {len(odd)} level(s) not seen when the codec was "
                f"fitted, such as {odd[0]!r}; fit it on rows that have them, replace them, "
                "or take TableCodec(unknown='replace')."
            )
        columns = np.full(len(series), self._hole)
        columns[~missing] = np.append(self.column_of, self._other)[found]
        codes[np.arange(len(codes)), columns] = 1

    def decode(self, codes, rng):
        columns = codes.argmax(axis=1)
        levels = np.append(self.level_of, -2)[columns]  # -2: the hole
        if n := (shared := levels == -1).sum():
            levels[shared] = rng.choice(self.rare, n, p=self.rare_shares)
        missing = levels == -2
        values = self.levels.take(np.where(missing, -1, levels), allow_fill=True)
        series = pd.Series(values, dtype=self.dtype)
        if missing.any() and self.dtype == object:
            series = series.mask(missing, self.hole)
        return series

    def labels(self):
        names = [f"{self.levels[i]}" for i in self.level_of if i >= 0]
        names += ["(rare)"] * bool(len(self.rare))
        names += ["(missing)"] * (len(names) < self.width)
        return [f"{self.name}={name}" for name in names]

    def seen(self):
        shown = ", ".join(f"{level}" for level in self.levels[:3])
        more = ", ..." if len(self.levels) > 3 else ""
        rare = f"; {len(self.rare)} rare ones share a code" if len(self.rare) else ""
        return f"{len(self.levels)} levels: {shown}{more}{rare}"


class Measured(Column):
    """A column on a `Scale`, with a mask beside it where values are missing."""

    def __init__(self, series, name, why, how, classes):
        super().__init__(series, name, why)
        missing = series.isna()
        self.parts = ((self.kind, 1),)
        self.hole = None
        if missing.any():
            self.parts += (("missing", 1),)
            self.hole = series[missing].iloc[0]
        known = series[~missing]
        self.scale = None  # until the ends are known
        self._learn(known)
        far = (
            self.far(series, classes)
            if how == "robust"
            else np.zeros(len(series), bool)
        )
        self.n_outliers = int(far.sum())
        self.scale = Scale(self._values(series[~missing & ~far]), how)

    def far(self, series, classes):
        """Which rows hold an outlier."""
        far = series.notna().to_numpy(copy=True)
        held = None if classes is None else classes[far]
        far[far] = outliers(self._values(series[far]), held)
        return far

    def encode(self, series, codes, replace):
        missing = series.isna().to_numpy()
        if not replace:
            self._refuse_holes(missing)
        if not missing.any():
            codes[:, 0] = self.scale.encode(self._values(series))
            return
        codes[:, 0] = self.scale.middle
        codes[missing, 1:] = 1
        if not missing.all():
            codes[~missing, 0] = self.scale.encode(self._values(series[~missing]))

    def decode(self, codes, rng):
        series = self._series(*self.scale.decode(codes[:, 0]))
        if not self.share_missing:
            return series
        return series.mask(codes[:, 1] >= 0.5, self.hole)

    def labels(self):
        return [f"{self.name}", f"{self.name} (missing)"][: self.width]

    def _outside(self):
        return f"; outliers: {self.n_outliers}" if self.n_outliers else ""


class Number(Measured):
    """Numbers, with no more decimals than were seen."""

    kind = "number"

    def _learn(self, known):
        values = self._numbers(known)
        self.type, self.decimals = values.dtype, _decimals(values)

    def _values(self, known):
        values = self._numbers(known)
        if values.dtype == self.type:
            return values
        if self.type.kind in "iu" and values.dtype.kind == "f":
            values = np.rint(values)
        if self.scale is None:
            return values.astype(self.type)
        return as_type(values, self.type, *self.scale.values[[0, -1]].tolist())

    def _numbers(self, known):
        try:
            values = numbers_of(known)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Column {self.name!r} is to be a number but holds {known.iloc[0]!r}; "
                f"convert it, pd.to_numeric(X[{self.name!r}], errors='coerce')."
            ) from error
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            odd = values[~np.isfinite(values)][0]
            raise ValueError(
                f"Column {self.name!r} holds {odd}; make it missing, "
                "X.replace([np.inf, -np.inf], np.nan), or leave such rows out."
            )
        return values

    def _series(self, values, seen):
        if self.type.kind == "f" and self.decimals is not None:
            low, high = self.scale.values[[0, -1]]
            rounded = np.clip(_rounded(values, self.decimals), low, high)
            values = np.where(seen, values, rounded)
        return pd.Series(values.astype(self.type)).astype(self.dtype)

    def seen(self):
        low, high = self.scale.values[[0, -1]]
        form = {None: "", 0: ", whole"}.get(
            self.decimals, f", {self.decimals} decimals"
        )
        return f"{low:g} to {high:g}{form}{self._outside()}"


class Date(Measured):
    """Dates, times and durations, on the coarsest step of the calendar that holds all."""

    kind = "date"

    def __init__(self, series, name, why, how, classes, form=None):
        self.told = form
        super().__init__(series, name, why, how, classes)

    def _learn(self, known):
        self.zone = self.type = None
        self.form = self._form(known)
        self.step = "period"
        if self.form == "period":
            return
        instants, self.zone = self._instants(known)
        self.type = instants.dtype
        wall = self._wall(instants)
        kind = self.type.kind
        self.step = next(
            step
            for step in (STEPS if kind == "M" else STEPS[2:])
            if (wall.astype(f"{kind}8[{step}]") == wall).all()
        )

    def _form(self, known):
        """How dates are written: as a type of pandas, as objects, or as text."""
        if isinstance(known.dtype, pd.PeriodDtype):
            return "period"
        if isinstance(known.dtype, pd.DatetimeTZDtype) or known.dtype.kind in "mM":
            return "type"
        if self.told and isinstance(known.dtype, pd.CategoricalDtype):
            known = known.astype(object)
        held = pd.api.types.infer_dtype(known)
        if held == "string" and self.told:
            if are_written(pd.Series(known.unique(), dtype=object), self.told).all():
                return self.told
            raise ValueError(
                f"Column {self.name!r} is to be of dates written {self.told} but holds "
                f"{odd_date(known, self.told)!r}; mend it, or make it missing."
            )
        if held in ("date", "datetime", "timedelta"):
            return held
        if held == "string" and (form := date_form(known)):
            return form
        raise ValueError(
            f"Column {self.name!r} is to be a date but holds {odd_date(known)!r}, which is "
            "none, or can be read in two ways; say how it is written, "
            f"kinds={{{self.name!r}: '%d.%m.%Y'}}, or convert it, pd.to_datetime."
        )

    def _instants(self, known):
        """Dates as numpy's, in UTC, and their zone; durations as numpy's."""
        if self.form != "type" or known.dtype != self.dtype or _is_arrow(known):
            known = self._read(known.astype(object))
        zone = getattr(known.dtype, "tz", None)
        learned = getattr(self, "zone", None)
        if zone is None and learned is not None and known.dtype.kind == "M":
            # By the clock of the column; the hour that comes twice is its second.
            twice = np.zeros(len(known), bool)
            known = known.dt.tz_localize(learned, twice, "shift_forward")
            zone = learned
        if zone is not None:
            known = known.dt.tz_convert("UTC").dt.tz_localize(None)
        return known.to_numpy(), zone

    def _read(self, known):
        try:
            held = pd.api.types.infer_dtype(known)
            if held in ("timedelta", "timedelta64"):
                return pd.to_timedelta(known)
            counts = [isinstance(value, numbers.Real) for value in known]
            if any(counts):
                raise TypeError(
                    f"what {known[counts].iloc[0]!r} counts, and from when, is not said; convert it, "
                    f"such as by pd.to_datetime(X[{self.name!r}], unit='s')."
                )
            form = self.form if "%" in self.form else None
            texts = known[[isinstance(value, str) for value in known]]
            if form is None and len(texts):  # beside real dates
                form = date_form(texts) or "ISO8601"
            return pd.to_datetime(known, format=form)
        except TypeError as error:
            raise ValueError(f"Column {self.name!r} is of dates: {error}") from error
        except ValueError as error:
            if form == "ISO8601":
                raise ValueError(
                    f"Column {self.name!r} is of dates and holds {odd_date(texts)!r}, which is "
                    "none, or can be read in two ways; convert it, such as by "
                    f"pd.to_datetime(X[{self.name!r}], format='%d.%m.%Y')."
                ) from error
            why = str(error).partition(". ")[0].splitlines()[0].rstrip(".")
            raise ValueError(
                f"Column {self.name!r} is of dates: {why}. pd.to_datetime(X[{self.name!r}], "
                "errors='coerce') makes holes of what is no date."
            ) from error

    def _wall(self, instants):
        """What a clock on the wall shows."""
        if self.zone is None:
            return instants
        clock = pd.Series(instants).dt.tz_localize("UTC").dt.tz_convert(self.zone)
        return clock.dt.tz_localize(None).to_numpy()

    def _values(self, known):
        if self.form == "period":
            if known.dtype != self.dtype:
                periods = isinstance(known.dtype, pd.PeriodDtype)
                raise ValueError(
                    f"Column {self.name!r} is of {self.dtype} but holds {known.iloc[0]!r} of "
                    f"{known.dtype}; convert it, such as by X[{self.name!r}].dt."
                    f"{'asfreq' if periods else 'to_period'}({self.dtype.freq.freqstr!r})."
                )
            return np.asarray(known.array.asi8)
        instants = self._instants(known)[0]
        if instants.dtype.kind != self.type.kind:
            raise ValueError(
                f"Column {self.name!r} is of {self.type} but holds {known.iloc[0]!r}; "
                "convert it, pd.to_datetime or pd.to_timedelta."
            )
        if self.scale is None or instants.dtype == self.type:
            return instants.astype(self.type).view(np.int64)
        # In seconds, which reach far, before the cast to a unit that may not.
        kind = f"{self.type.kind}8[s]"
        ends = self.scale.values[[0, -1]]
        low, high = ends.view(self.type).astype(kind).view(np.int64).tolist()
        seconds = instants.astype(kind).view(np.int64)
        places = np.where(seconds < low, -1, np.where(seconds > high, 1, 0))
        values = ends[(places > 0).astype(int)]
        inside = places == 0
        values[inside] = instants[inside].astype(self.type).view(np.int64)
        return values

    def _series(self, values, seen):
        if self.form == "period":
            return pd.Series(pd.arrays.PeriodArray(values, dtype=self.dtype))
        instants = values.view(self.type)
        if not seen.all():
            low, high = self.scale.values[[0, -1]].view(self.type)
            between = np.clip(self._on_step(instants[~seen]), low, high)
            instants[~seen] = between
        # What is written out is written once for each value.
        places, instants = pd.factorize(instants)
        series = pd.Series(instants)
        if self.zone is not None:
            series = series.dt.tz_localize("UTC").dt.tz_convert(self.zone)
        if "%" in self.form:
            series = series.dt.strftime(self.form)
        elif self.form == "date":
            series = series.dt.date
        return series.astype(self.dtype).take(places).reset_index(drop=True)

    def _on_step(self, instants):
        """The nearest step of the calendar, as a clock on the wall shows it."""
        wall = self._wall(instants)
        low = wall.astype(f"{self.type.kind}8[{self.step}]")
        high = (low + 1).astype(self.type)
        low = low.astype(self.type)
        wall = np.where(wall - low < high - wall, low, high)
        if self.zone is None:
            return wall
        clock = pd.Series(wall).dt.tz_localize(
            self.zone, ambiguous=np.zeros(len(wall), bool), nonexistent="shift_forward"
        )
        return clock.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()

    def seen(self):
        ends = self._series(self.scale.values[[0, -1]], np.array([True, True]))
        return f"{ends[0]} to {ends[1]}, step {self.step}{self._outside()}"


def as_type(values, dtype, low, high):
    """Numbers of another type, those beyond the ends as the ends, which may not fit it."""
    cast = np.full(len(values), high, dtype)
    inside = (values >= low) & (values <= high)
    cast[inside] = values[inside].astype(dtype)
    cast[values < low] = low
    return cast


def _is_arrow(series):
    return isinstance(series.dtype, pd.ArrowDtype)


def _decimals(values):
    """The number of decimals to which all values are rounded, or None."""
    if values.dtype.kind != "f":
        return 0
    values = np.unique(values)
    for decimals in range(MOST_DECIMALS + 1):
        if (_rounded(values, decimals) == values).all():
            return decimals
    return None


def _rounded(values, decimals):
    """Rounded, but for numbers so large that they have no such decimals."""
    exact = np.asarray(values, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(exact, decimals)
        has_none = np.abs(exact) * 10.0**decimals >= 2**53
    return np.where(has_none, exact, rounded).astype(values.dtype)
