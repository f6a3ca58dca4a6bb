"""Data: known counts, and every way in which a file may fail to be there or be whole.

Servers live on 127.0.0.1; nothing here reaches further.
"""

import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest

from helpers import data, files
from helpers.data import _files

REAL_ROOT = os.environ.get(data.ROOT_VARIABLE, "")
REAL_TABLE = Path(REAL_ROOT, "petrography", "Naive_encoding.csv")

# Five made rows in the layout of the published table, its doubled name included.
TABLE = (
    b"Porosity_label,SIZE(Fine),SIZE(Medium),SORTING(Moderate),SORTING(Moderate)\n"
    b"0,1,0,0,1\n1,0,1,1,0\n2,0,0,0,1\n3,1,1,0,0\n3,1,0,1,0\n"
)
# Long enough to be written to disk in more than one piece.
LONG_TABLE = TABLE + b"0,0,0,0,0\n" * 1000


@contextmanager
def serving(body=TABLE, status=200, pause=0.0, length=None, pieces=4, clients=1):
    """An http server whose answer is `body`, in pieces with a pause before each.

    It begins to answer once as many `clients` are waiting. A `length` of 0 is not told.
    """
    queue = threading.Barrier(clients)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append(self.path)
            queue.wait(timeout=30)
            self.send_response(status)
            if length != 0:
                self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            step = -(-len(body) // pieces)
            for start in range(0, len(body), step):
                time.sleep(pause)
                self.wfile.write(body[start : start + step])

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}/table.csv"
    finally:
        server.shutdown()
        server.server_close()


def made_file(*urls, body=TABLE):
    checksum = f"sha256:{hashlib.sha256(body).hexdigest()}"
    (file,) = _files.FILES["petrography"]
    return file._replace(urls=urls, checksum=checksum)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data root, and a made petrography table that no server offers."""
    monkeypatch.setenv(data.ROOT_VARIABLE, str(tmp_path / "root"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{unused.getsockname()[1]}/table.csv"
    monkeypatch.setitem(_files.FILES, "petrography", (made_file(refused),))
    return tmp_path / "root"


@pytest.fixture
def table(root):
    """The path of the made table, put in place whole."""
    path = root / "petrography" / "Naive_encoding.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(TABLE)
    return path


def offer(monkeypatch, *urls, body=TABLE):
    monkeypatch.setitem(_files.FILES, "petrography", (made_file(*urls, body=body),))


def files_under(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


# ---------------------------------------------------------------- what loaders return


def test_bcw_has_the_published_counts_with_malignant_as_one():
    bcw = data.load_bcw()
    assert bcw.data.shape == (569, 30)
    assert np.bincount(bcw.target).tolist() == [357, 212]
    assert bcw.target_names.tolist() == ["benign", "malignant"]
    # Malignant tumours are the larger ones: the names were not merely exchanged.
    radius = bcw.data[:, bcw.feature_names.index("mean radius")]
    assert radius[bcw.target == 1].mean() > 1.3 * radius[bcw.target == 0].mean()


def test_onehot_wine_sets_one_column_a_group_with_a_quarter_of_the_wines_each():
    wine = data.load_wine_onehot()
    assert wine.data.shape == (178, 52)
    assert np.bincount(wine.target).tolist() == [59, 71, 48]
    assert sorted(chain(*wine.feature_groups)) == list(range(52))
    for group in wine.feature_groups:
        assert (wine.data[:, group].sum(axis=1) == 1).all()
    share = wine.data.mean(axis=0)
    assert ((share > 0.2) & (share < 0.3)).all()


def test_onehot_wine_orders_quarters_from_low_to_high():
    from sklearn.datasets import load_wine

    alcohol = load_wine().data[:, 0]
    wine = data.load_wine_onehot()
    quarters = [
        alcohol[wine.data[:, wine.feature_names.index(f"alcohol(quarter {q})")] == 1]
        for q in (1, 2, 3, 4)
    ]
    for lower, upper in pairwise(quarters):
        assert lower.max() < upper.min()


@pytest.mark.parametrize("load", [data.load_bcw, data.load_wine_onehot])
def test_return_X_y_gives_the_arrays_of_the_bunch(load):
    X, y = load(return_X_y=True)
    bunch = load()
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)
    assert len(bunch.feature_names) == X.shape[1]


def test_petrography_reads_labels_columns_groups_and_the_doubled_name(table):
    rocks = data.load_petrography()
    assert rocks.target.tolist() == [0, 1, 2, 3, 3]
    assert rocks.data.tolist()[3] == [1, 1, 0, 0]
    # Floats: uint8 would mean a range of 0 to 255 to the samplers.
    assert rocks.data.dtype == float
    assert rocks.feature_groups == [[0, 1], [2, 3]]
    assert rocks.feature_names.count("SORTING(Moderate)") == 2
    X, y = data.load_petrography(return_X_y=True)
    assert X.shape == (5, 4)
    assert y.tolist() == [0, 1, 2, 3, 3]


@pytest.mark.skipif(
    not REAL_TABLE.is_file(), reason=f"no petrography table in ${data.ROOT_VARIABLE}"
)
def test_the_real_petrography_table():
    rocks = data.load_petrography()
    assert rocks.data.shape == (140, 58)
    assert np.bincount(rocks.target).tolist() == [32, 37, 30, 41]
    assert [len(group) for group in rocks.feature_groups] == [12, 8, 16, 8, 4, 10]
    assert rocks.feature_names.count("SORTING(Moderate)") == 2
    assert set(np.unique(rocks.data)) == {0.0, 1.0}
    # As counted in the source: values left out, and values given twice, per character.
    given = [rocks.data[:, group].sum(axis=1) for group in rocks.feature_groups]
    assert [int((g == 0).sum()) for g in given] == [9, 17, 10, 20, 82, 34]
    assert [int((g == 2).sum()) for g in given] == [2, 1, 1, 1, 0, 0]


def test_the_official_address_is_percent_encoded():
    ((url,),) = [file.urls for file in _files.FILES["petrography"]]
    assert " " not in url
    assert "/Pre-Processed%20Datasets/Original%20Training%20Data/" in url


# ---------------------------------------------------------------- where files lie


def test_without_the_variable_the_root_is_in_the_users_cache(monkeypatch):
    monkeypatch.delenv(data.ROOT_VARIABLE, raising=False)
    assert data.data_root().name == "deep-oversampling-book"
    monkeypatch.setenv(data.ROOT_VARIABLE, "")
    assert data.data_root().name == "deep-oversampling-book"


def test_a_home_of_nobody_is_named(monkeypatch):
    monkeypatch.setenv(data.ROOT_VARIABLE, "~nobody-of-this-name/data")
    for call in (data.data_root, data.fingerprint, data.load_petrography):
        with pytest.raises(
            ValueError, match="DATA=~nobody-of-this-name/data: the home"
        ):
            call()


def test_a_user_without_a_home(table, monkeypatch):
    """With data at hand nothing is missing; without, a stand-in is there on request."""

    def homeless(*_):
        raise KeyError("uid not found")

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", homeless)
    assert len(data.load_petrography().target) == 5
    monkeypatch.delenv(data.ROOT_VARIABLE)
    with pytest.raises(data.DataNotAvailable, match=f"variable {data.ROOT_VARIABLE}"):
        data.load_petrography()
    with pytest.warns(UserWarning, match="stands in"):
        assert len(data.load_petrography(stand_in=True).target) == 178


def test_a_download_is_kept_and_the_second_load_asks_nobody(root, monkeypatch):
    with serving() as (server, url):
        offer(monkeypatch, url)
        first = data.load_petrography()
        second = data.load_petrography()
        assert len(server.requests) == 1
    np.testing.assert_array_equal(first.data, second.data)
    assert files_under(root) == [root / "petrography" / "Naive_encoding.csv"]


def test_a_kept_file_can_be_read_by_others(root, monkeypatch):
    # A shared root is of no use if downloads arrive with the mode of temporary files.
    before = os.umask(0o022)
    try:
        with serving() as (_, url):
            offer(monkeypatch, url)
            data.load_petrography()
    finally:
        os.umask(before)
    assert files_under(root)[0].stat().st_mode & 0o044 == 0o044


def test_a_complete_root_is_only_read(table, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a complete root was written to")

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(files.tempfile, "TemporaryDirectory", refuse)
    assert len(data.load_petrography().target) == 5


# ---------------------------------------------------------------- what may go wrong


@pytest.mark.parametrize(
    "damaged",
    [TABLE[:-20], b"", TABLE.replace(b"\n0,1", b"\n0,0")],
    ids=["truncated", "empty", "edited"],
)
def test_a_damaged_file_is_named_and_left_alone(table, monkeypatch, damaged):
    table.write_bytes(damaged)
    with serving() as (server, url):
        offer(monkeypatch, url)
        with pytest.raises(data.DataCorrupt, match="checksum") as error:
            data.load_petrography(stand_in=True)
        assert server.requests == []
    assert str(table) in str(error.value)
    assert "Move it away" in str(error.value)
    assert table.read_bytes() == damaged


def test_a_refused_connection(root):
    with pytest.raises(data.DataNotAvailable, match="connection failed") as error:
        data.load_petrography()
    assert str(root) in str(error.value)
    assert _files.FILES["petrography"][0].urls[0] in str(error.value)
    assert files_under(root) == []


@contextmanager
def listening():
    """A port that takes connections and never says a word."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}/table.csv"


def give_up_time(monkeypatch):
    """Seconds until the loader gives up, with a patience of half a second."""
    assert _files.PATIENCE <= 9  # so that the real one is known within 10 s
    monkeypatch.setattr(_files, "PATIENCE", 0.5)
    started = time.perf_counter()
    with pytest.raises(data.DataNotAvailable, match=r"nothing came for 0\.5 s"):
        data.load_petrography()
    return time.perf_counter() - started


def test_a_silent_server_is_given_up(root, monkeypatch):
    with listening() as url:
        offer(monkeypatch, url)
        assert give_up_time(monkeypatch) < 2
    assert files_under(root) == []


def test_the_next_mirror_is_asked_within_the_same_patience(root, monkeypatch):
    with listening() as silent, serving() as (_, url):
        offer(monkeypatch, silent, url)
        monkeypatch.setattr(_files, "PATIENCE", 0.6)
        assert len(data.load_petrography().target) == 5
    assert files_under(root) == [root / "petrography" / "Naive_encoding.csv"]
    files_under(root)[0].unlink()
    with listening() as silent, listening() as other:
        offer(monkeypatch, silent, other)
        told = rf"{silent}: nothing came for 0\.3 s; nor from {other}: nothing"
        with pytest.raises(data.DataNotAvailable, match=told):
            data.load_petrography()


def test_a_name_that_never_resolves_is_given_up(root, monkeypatch):
    # Name look-up knows no time-out of its own: only a clock of ours can end it.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(3) or [])
    assert give_up_time(monkeypatch) < 2


def test_a_host_with_many_dead_addresses_is_given_up_once(root, monkeypatch):
    # requests gives every address of a host a time-out of its own.
    with listening() as url:
        port = int(url.rsplit(":")[-1].split("/")[0])
        one = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: [one] * 8)
        monkeypatch.setattr(
            socket.socket, "connect", lambda *a: time.sleep(0.4) or _dead()
        )
        offer(monkeypatch, url)
        assert give_up_time(monkeypatch) < 2


def _dead():
    raise TimeoutError("timed out")


def test_a_slow_download_that_still_moves_is_not_given_up(root, monkeypatch):
    with serving(LONG_TABLE, pause=0.3, pieces=5) as (_, url):
        offer(monkeypatch, url, body=LONG_TABLE)
        monkeypatch.setattr(_files, "PATIENCE", 0.7)
        assert len(data.load_petrography().target) == 1005


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"status": 404, "body": b"no"}, r"the server answered 404 \(Not Found\)"),
        ({"body": b"<html>please log in</html>"}, "26 bytes .* not the published"),
        ({"body": TABLE[:90], "length": len(TABLE)}, "connection failed"),
    ],
    ids=["missing", "other content", "broken off"],
)
def test_a_wrong_answer_is_named_and_not_kept(root, monkeypatch, answer, message):
    with serving(**answer) as (_, url):
        offer(monkeypatch, url)
        with pytest.raises(data.DataNotAvailable, match=message):
            data.load_petrography()
    assert files_under(root) == []
    with serving() as (_, url):  # and the next call is not hindered by it
        offer(monkeypatch, url)
        assert len(data.load_petrography().target) == 5


def test_a_download_without_end_is_given_up(root, monkeypatch):
    """By what it says of its length, and by what comes."""
    monkeypatch.setattr(files, "_MOST", 5000)
    for length in (None, 10**12, 0):
        with serving(LONG_TABLE, length=length, pieces=20, pause=0.01) as (_, url):
            offer(monkeypatch, url, body=LONG_TABLE)
            with pytest.raises(data.DataNotAvailable, match="more than the 5000 bytes"):
                data.load_petrography()
    assert files_under(root) == []


def test_what_comes_without_encryption_has_a_checksum():
    for file in [file for set_ in _files.FILES.values() for file in set_]:
        assert file.checksum or all(url.startswith("https:") for url in file.urls)


def test_a_root_that_cannot_be_written_names_the_variable(root, monkeypatch):
    root.write_text("a file where a folder should be")  # stops even a superuser
    with serving() as (server, url):
        offer(monkeypatch, url)
        with pytest.raises(data.DataNotAvailable, match="cannot be written") as error:
            data.load_petrography()
        assert server.requests == []
    assert data.ROOT_VARIABLE in str(error.value)
    assert "Not a directory" in str(error.value)


CHILD = """
import sys
from helpers import data, files
from helpers.data import _files
url, checksum = sys.argv[1:]
file = _files.FILES["petrography"][0]._replace(urls=(url,), checksum=checksum)
_files.FILES["petrography"] = (file,)
_files.PATIENCE = 30
print(len(data.load_petrography().target))
"""


def start_child(url, body=TABLE):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, made_file(url, body=body).checksum],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_prepare_the_same_set_at_once(root):
    with serving(pause=0.1, clients=2) as (server, url):
        children = [start_child(url) for _ in range(2)]
        outputs = [child.communicate(timeout=60)[0] for child in children]
        assert outputs == ["5\n", "5\n"]
        assert len(server.requests) == 2
    assert [path.read_bytes() for path in files_under(root)] == [TABLE]


def test_a_killed_download_is_not_taken_for_the_file(root, monkeypatch):
    with serving(LONG_TABLE, pause=0.5) as (_, url):
        child = start_child(url, LONG_TABLE)
        deadline = time.monotonic() + 30
        while not any(path.stat().st_size for path in files_under(root)):
            assert time.monotonic() < deadline, "the download never began"
            time.sleep(0.02)
        child.kill()
        child.communicate()
        assert not (root / "petrography" / "Naive_encoding.csv").exists()
        offer(monkeypatch, url, body=LONG_TABLE)
        assert len(data.load_petrography().target) == 1005


def test_the_stand_in_says_so_and_is_only_taken_on_request(root):
    with pytest.raises(data.DataNotAvailable):
        data.load_petrography()
    with pytest.warns(UserWarning, match="stands in"):
        bunch = data.load_petrography(stand_in=True)
    assert bunch.provenance.startswith("STAND-IN for the petrography table: UCI Wine")
    np.testing.assert_array_equal(bunch.data, data.load_wine_onehot().data)
    with pytest.warns(UserWarning, match="stands in"):
        X, _ = data.load_petrography(return_X_y=True, stand_in=True)
    assert X.shape == (178, 52)


def test_the_stand_in_is_not_taken_where_the_table_is(table):
    assert len(data.load_petrography(stand_in=True).target) == 5


# ---------------------------------------------------------------- overview


def test_inventory_says_what_is_not_here_without_asking_the_network(root, monkeypatch):
    with serving() as (server, url):
        offer(monkeypatch, url)
        frame = data.inventory().set_index("name")
        assert server.requests == []
    embedded = ["bcw", "wine_onehot", "digits_images"]
    others = ["petrography", "mnist", "fashion_mnist", "cifar10", "svhn", "celeba"]
    assert frame.index.tolist() == embedded + others
    assert set(frame.found[others]) == {"not here"}
    assert set(frame.checksum[embedded]) == {"embedded"}
    assert set(frame.checksum[others]) == {"not checked"}
    assert frame.n_per_class["bcw"] == {"benign": 357, "malignant": 212}
    assert set(frame.error) == {""}
    assert not root.exists()


def test_inventory_downloads_and_checks(root, monkeypatch):
    with serving() as (_, url):
        offer(monkeypatch, url)
        row = data.inventory("petrography", download=True).loc[0]
    assert row.found == str(root / "petrography" / "Naive_encoding.csv")
    assert row.checksum == "ok"
    assert row.n_per_class == {"Very Poor": 1, "Poor": 1, "Fair": 1, "Good": 2}
    assert "gan-smote" in row.provenance


def test_inventory_compares_checksums_only_when_asked(table):
    table.write_bytes(TABLE.replace(b"\n0,1", b"\n0,0"))
    assert data.inventory("petrography").checksum.tolist() == ["not checked"]
    row = data.inventory("petrography", verify=True).loc[0]
    assert row.checksum == "mismatch"
    assert row.found == str(table)
    assert str(table) in row.error


@pytest.mark.parametrize("damaged", [b"", TABLE[:-5], b"\xff\xfe"])
def test_a_damaged_file_does_not_stop_the_list(table, damaged):
    table.write_bytes(damaged)
    frame = data.inventory(["petrography", "bcw"])
    assert "cannot be read" in frame.error[0]
    assert frame.found[0] == str(table)
    assert frame.error[1] == ""


def test_a_failed_download_does_not_stop_the_list(root):
    frame = data.inventory(["petrography", "bcw"], download=True)
    assert "connection failed" in frame.error[0]
    assert frame.loc[0, ["found", "checksum"]].tolist() == ["not here", "not checked"]
    assert frame.n_per_class[1] == {"benign": 357, "malignant": 212}


def test_names_are_found_in_other_letters_than_their_own():
    with pytest.raises(ValueError, match="Did you mean 'mnist'"):
        data.inventory("MNIST")


def test_required_sets_are_fetched_or_named(root, monkeypatch):
    data.require(["bcw"])
    with pytest.raises(data.DataNotAvailable, match="connection failed"):
        data.require(["bcw", "petrography"])
    with serving() as (_, url):
        offer(monkeypatch, url)
        data.require(["petrography"])
    assert len(files_under(root)) == 1


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"'petrographie'\. Did you mean 'petrography'"
    ):
        data.inventory(["bcw", "petrographie"])


def test_fingerprint_follows_the_file(table):
    marks = data.fingerprint()
    assert marks == data.fingerprint()
    changed = table.stat().st_mtime_ns
    table.write_bytes(LONG_TABLE)
    os.utime(table, ns=(changed, changed))
    longer = data.fingerprint()
    os.utime(table, ns=(0, 0))
    older = data.fingerprint()
    table.unlink()
    gone = data.fingerprint()
    states = [m["petrography"] for m in (marks, longer, older, gone)]
    assert len(set(states)) == 4
    assert gone["petrography"] == "not here"
    assert {m["bcw"] for m in (marks, longer, older, gone)} == {marks["bcw"]}


def test_fingerprint_and_its_import_stay_light(root):
    code = (
        "import sys; from helpers.data import fingerprint; fingerprint()\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'torch', 'pooch'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
