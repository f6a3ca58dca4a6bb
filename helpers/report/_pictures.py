"""Positions of what the report draws, each picture with its result in words."""

import numpy as np


def gain_picture(data):
    arms = [
        arm
        for arm in data["arms"]
        if arm["gain"] is not None and arm["method"] != "auto"
    ]
    if not arms:
        return None
    ends = [0.0, data["verdict"]["min_gain"]]
    ends += [
        arm[k] for arm in arms for k in ("low", "gain", "high") if arm[k] is not None
    ]
    low, high = min(ends), max(ends)
    width = (high - low) or 1.0

    def place(value):
        return None if value is None else round(160 + 290 * (value - low) / width, 1)

    chosen = data["verdict"]["chosen"]
    verdict = data["verdict"]
    near = f"{verdict['arm']} comes nearest with {verdict['gain']:+.3f}"
    result = f"{chosen} is chosen"
    if not verdict["told"]:
        result = f"not all planned splits are done; {near}"
    elif chosen == "nothing":
        result = f"none is shown to gain enough; {near}"
    intervals = any(arm["low"] is not None for arm in arms)
    return {
        "alt": f"Gain of {len(arms)} arms over nothing{', with intervals' if intervals else ''}: "
        f"{result}.",
        "zero": place(0.0),
        "least": place(data["verdict"]["min_gain"]),
        "low": low,
        "high": high,
        "height": 28 * len(arms) + 34,
        "arms": [
            {
                "name": arm["method"],
                "y": 20 + 28 * i,
                "chosen": arm["method"] == chosen,
                **{k: place(arm[k]) for k in ("gain", "low", "high")},
            }
            for i, arm in enumerate(arms)
        ],
    }


def reliability_picture(data):
    if data["reliability"] is None:
        return None
    curves = data["reliability"]
    most = max(max(c["said"] + c["seen"]) for c in curves.values()) or 1.0
    off = {
        name: float(np.abs(np.subtract(c["said"], c["seen"])).mean())
        for name, c in curves.items()
    }
    told = " and ".join(f"{value:.3f} for {name}" for name, value in off.items())

    def place(said, seen):
        return f"{40 + 260 * said / most:.1f},{280 - 260 * seen / most:.1f}"

    return {
        "alt": f"Said against seen shares of the rarer class: they differ by {told}, "
        "on average over tenths of the records.",
        "most": most,
        "curves": [
            {
                "name": name,
                "points": " ".join(
                    place(a, b) for a, b in zip(c["said"], c["seen"], strict=True)
                ),
            }
            for name, c in curves.items()
        ],
    }


def cost_picture(data):
    if data["costs"] is None:
        return None
    curves, at, asked = (data["costs"][k] for k in ("least", "at", "asked"))
    here = {name: float(np.interp(asked, at, least)) for name, least in curves.items()}
    told = " and ".join(f"{value:.3f} with {name}" for name, value in here.items())
    most = 0.5
    where, line = "where both mistakes cost the same", "equal costs"
    if data["verdict"]["need"] == "decisions":
        where, line = "where it was asked for", "the weight asked for"

    def place(x, y):
        return f"{40 + 260 * x:.1f},{280 - 260 * y / most:.1f}"

    return {
        "alt": f"Least cost that a threshold gives, by the weight of a missed rare record: "
        f"{where}, at {asked:.2f}, it is {told}; without a classifier it "
        f"would be {min(asked, 1 - asked):.3f}.",
        "line": line,
        "asked": round(40 + 260 * asked, 1),
        "curves": [
            {
                "name": name,
                "points": " ".join(place(x, y) for x, y in zip(at, least, strict=True)),
            }
            for name, least in curves.items()
        ],
    }


def marginal_pictures(data):
    """Small pictures of the columns that differ most between old and new rows."""
    columns = data["new_rows"]["columns"] if data["new_rows"] else []
    found = []
    for column in columns:
        if not column.get("parts"):
            continue
        pairs = [*zip(column["old"], column["new"], strict=True)]
        most = max(max(pair) for pair in pairs) or 1.0
        i = int(np.argmax([abs(a - b) for a, b in pairs]))
        width = 280 / len(pairs)
        first, last = column["parts"][0], column["parts"][-1]
        if column["kind"] != "category":  # from the lowest value to the highest
            first, last = first.split(" to ")[0].split(", ")[-1], last.split(" to ")[-1]
        found.append(
            {
                "name": column["name"],
                "alt": f"Shares of old and new rows in {column['name']}: the largest "
                f"difference is at {column['parts'][i]}, {pairs[i][0]:.1%} of the old and "
                f"{pairs[i][1]:.1%} of the new rows.",
                "first": first,
                "last": last,
                "levels": column["kind"] == "category",
                "named": [
                    (round(10 + width * (i + 0.5), 1), part)
                    for i, part in enumerate(column["parts"])
                ]
                if column["kind"] == "category" and len(pairs) <= 4
                else [],
                "bars": [
                    {
                        "x": round(10 + width * i + width * (0.08 + 0.42 * j), 1),
                        "y": round(90 - 80 * share / most, 1),
                        "width": round(0.4 * width, 1),
                        "height": round(80 * share / most, 1),
                        "part": ("old", "new")[j],
                    }
                    for i, pair in enumerate(pairs)
                    for j, share in enumerate(pair)
                ],
            }
        )
    return found


def map_picture(data):
    points = data["new_rows"] and data["new_rows"]["map"]
    if not points:
        return None
    every = np.array([point for part in points.values() for point in part])
    low, width = every.min(axis=0), np.ptp(every, axis=0)
    width = np.where(width > 0, width, 1)
    new = data["new_rows"]
    return {
        "alt": f"Old and new rows on two principal components: the median new row is "
        f"{new['distances']['new'][1]:.3f} from the nearest old one, where old rows are "
        f"{new['distances']['old'][1]:.3f} from their nearest other.",
        "parts": {
            name: [
                (
                    round(10 + 300 * (x - low[0]) / width[0], 1),
                    round(250 - 240 * (y - low[1]) / width[1], 1),
                )
                for x, y in part
            ]
            for name, part in points.items()
        },
    }
