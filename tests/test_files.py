"""What the package writes: whole or not at all, whoever writes it; and what is left is swept."""

from __future__ import annotations

import ast
import io
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest

import microgradnet
from microgradnet import MLP, LargeTeacherSet, TeacherSet, Value, draw, draw_error_signal, play, save, train
from microgradnet.__main__ import main
from microgradnet._files import Folder, check_writable, write_together, write_whole, writing
from microgradnet.command_line.runs import load_run
from microgradnet.training.history import Epoch, History
from tests.support.examples import for_each

PACKAGE = Path(microgradnet.__file__).parent
CSV = 'x,y\n' + ''.join(f'{k / 7},{k * k / 49}\n' for k in range(12))


def told(*arguments: Any) -> None:
    """Run the command line; what it refuses is raised, as OSError if it was one."""
    refusals: list[BaseException] = []
    from microgradnet import __main__ as module

    original = module._told
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, '_told', lambda trouble: (refusals.append(trouble), original(trouble))[1])
        if main([*map(str, arguments)]):
            raise refusals[0]


def a_csv_file(path: Path) -> Path:
    place = path.parent.with_name('data.csv')
    if not place.exists():
        place.write_text(CSV)
    return place


def a_net(path: Path) -> Path:
    place = path.parent.with_name('net.json')
    if not place.exists():
        save(MLP(1, [1], seed=1), place)
    return place


def samples(rows: int = 40) -> Iterator[list[float]]:
    return ([x / 10, x / 5] for x in range(rows))


def trained(path: Path) -> None:
    train(MLP(1, [1], seed=1), TeacherSet([[1.0], [2.0]], [1.0, 2.0]), learning_rate=0.1, epochs=1, checkpoint=path)


XOR = MLP(2, [2, 1], 'tanh', seed=1)
#: Everything that writes a file, and a file for it.
WRITERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    'save': ('net.json', lambda path: save(XOR, path)),
    'train': ('state', trained),
    'written': ('rows.npy', lambda path: LargeTeacherSet.written(samples(), path)),
    'from_csv': ('rows.npy', lambda path: LargeTeacherSet.from_csv(a_csv_file(path), 'y', to=path)),
    'play': ('page.html', lambda path: play(Value(2.0) * 3.0).save(path)),
    'plot': ('plot.png', lambda path: History([Epoch(1, 8.0), Epoch(2, 4.0)]).plot(path)),
    'draw': ('graph.svg', lambda path: draw(Value(2.0) * 3.0).render(outfile=path)),
    'source': ('graph.gv', lambda path: draw(Value(2.0) * 3.0).save(path)),
    'draw_error_signal': ('net.svg', lambda path: draw_error_signal(XOR, [1.0, 0.0], [1.0]).save(path)),
    'derive': ('lines.html', lambda path: told('derive', '2-2-1', 'w_1,3', '--out', path)),
    'draw text': ('graph.txt', lambda path: told('draw', 'a*a', 'a=2', '--out', path)),
    'draw dot': ('graph.dot', lambda path: told('draw', 'a*a', 'a=2', '--out', path)),
    'draw picture': ('graph.png', lambda path: told('draw', 'a*a', 'a=2', '--out', path)),
    'predict': ('answers.csv', lambda path: told('predict', a_net(path), one_column(path), '--out', path)),
}  # fmt: skip


def one_column(path: Path) -> Path:
    place = path.parent.with_name('one.csv')
    place.write_text('x1\n1\n2\n')
    return place


NEEDED = {'plot': 'matplotlib', 'written': 'numpy', 'from_csv': 'numpy'}
PICTURES = ('draw', 'draw_error_signal', 'draw picture')


@pytest.fixture(params=WRITERS)
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Callable[[Path], Any]]:
    if request.param in PICTURES:
        pytest.importorskip('pygraphviz')
    pytest.importorskip(NEEDED.get(request.param, 'json'))
    name, write = WRITERS[request.param]
    folder = tmp_path / 'folder'
    folder.mkdir()
    return folder / name, write


class Full(io.FileIO):
    """A file on a disk that is full."""

    def write(self, data: Any) -> int:
        raise OSError(ENOSPC, os.strerror(ENOSPC))


@pytest.fixture
def full_disk() -> Iterator[Callable[[], Any]]:
    """Give what makes the disk full in a with block."""

    @contextmanager
    def full() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            opened = lambda place, mode: io.BufferedWriter(Full(place, mode))  # noqa: E731
            patch.setattr('microgradnet._files.open', opened, raising=False)
            yield

    return full  # type: ignore[return-value]


def test_an_old_file_stays_until_the_new_one_is_whole(writer: tuple[Path, Callable[[Path], Any]]) -> None:
    path, write = writer
    write(path)
    content = path.read_bytes()
    path.chmod(0o640)
    os.link(path, path.parent.with_name('old'))  # another name for the old file
    if path.name != 'state':  # a checkpoint goes on from what is there
        path.parent.with_name('old').write_bytes(b'old')
    write(path)
    assert path.read_bytes()[:20] == content[:20]
    assert path.parent.with_name('old').read_bytes() == (b'old' if path.name != 'state' else content)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [*path.parent.iterdir()] == [path]


def test_a_full_disk_is_an_error_that_names_the_file(
    writer: tuple[Path, Callable[[Path], Any]], full_disk: Callable[[], Any]
) -> None:
    path, write = writer
    write(path)
    if path.name == 'state':
        return  # see test_checkpoint.py: training goes on
    path.write_bytes(b'old')
    with full_disk(), pytest.raises(OSError, match='No space left') as caught:
        write(path)
    assert Path(caught.value.filename) == path
    assert path.read_bytes() == b'old'
    assert [*path.parent.iterdir()] == [path]


def test_a_set_that_the_disk_has_no_room_for_ends_in_an_error(tmp_path: Path) -> None:
    """The system itself refuses: by a signal, if anything were written through mapped memory."""
    pytest.importorskip('numpy')
    resource = pytest.importorskip('resource')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            LargeTeacherSet.written(samples(20_000), tmp_path / 'rows.npy')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.filename == str(tmp_path / 'rows.npy')
    assert not [*tmp_path.iterdir()]


def test_a_link_is_written_through(writer: tuple[Path, Callable[[Path], Any]]) -> None:
    path, write = writer
    elsewhere = path.parent.with_name('elsewhere')
    elsewhere.mkdir()
    path.symlink_to(Path('..', 'elsewhere', path.name))
    write(path)
    assert path.is_symlink()
    assert (elsewhere / path.name).stat().st_size
    assert [*elsewhere.iterdir()] == [elsewhere / path.name]


def test_a_place_that_cannot_be_written_is_named(writer: tuple[Path, Callable[[Path], Any]]) -> None:
    path, write = writer
    path.mkdir()
    with pytest.raises(OSError) as caught:
        write(path)
    assert Path(caught.value.filename) == path


# The writer itself.


def test_nothing_is_written_but_through_the_writer() -> None:
    """Whoever opens a file to write, or lets others do so, has no place but ``files``."""
    found = {
        f'{path.relative_to(PACKAGE)}: {call}'
        for path in PACKAGE.rglob('*.py')
        if path != PACKAGE / '_files.py'
        for call in writes(ast.parse(path.read_text('utf-8')))
    }
    assert found == NO_FILES


#: These write into a BytesIO, which is then written whole; by the writer; or nowhere.
NO_FILES = {
    'command_line/output.py: os.open',  # the null device, for a reader who has gone
    'command_line/play.py: page.save',  # by the writer
    'command_line/play.py: tempfile.mkdtemp',  # a folder for that
    'command_line/play.py: webbrowser.open',  # to be read
    'compiling/run/code_cache.py: os.open',  # to be read
    'drawing/animation.py: pages[0].save',  # Pillow's
    'training/history.py: figure.savefig',
}
#: Methods and functions that write a file, by their last name; those of the standard library, NumPy and friends.
WRITING = {
    'write_text', 'write_bytes', 'savefig', 'tofile', 'savetxt', 'savez', 'savez_compressed', 'open_memmap', 'touch',
    'mkstemp', 'NamedTemporaryFile', 'TemporaryFile', 'SpooledTemporaryFile', 'mkdtemp', 'TemporaryDirectory',
    'rename', 'renames', 'copyfile', 'copy2', 'copyfileobj', 'copytree', 'symlink_to', 'hardlink_to', 'truncate',
    'to_csv', 'extractall', 'sendfile', 'pwrite',
}  # fmt: skip
WRITING_BY = {
    ('os', 'replace'), ('os', 'write'), ('os', 'link'), ('os', 'mkfifo'), ('shutil', 'move'), ('shutil', 'copy'),
    ('json', 'dump'), ('pickle', 'dump'), ('marshal', 'dump'), ('super()', 'render'),
}
#: Whatever may be a call that writes, to look at closely.
NAMES = {'open', 'memmap', 'save', *WRITING, *(name for _, name in WRITING_BY)}
SAVING = re.compile(r'(np|numpy|images?|pages?|super\(\))\b|super\(\)')


def writes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, 'attr', None) or getattr(node.func, 'id', None)
            if name not in NAMES:
                continue
            called = ast.unparse(node.func)
            owner = called.rpartition('.')[0]
            mode = next((k.value for k in node.keywords if k.arg == 'mode'), None)
            if name == 'open':
                mode = mode or next(iter(node.args[1 if owner in ('', 'io', 'codecs', 'gzip') else 0 :][:1]), None)
                reads = mode is None or (isinstance(mode, ast.Constant) and not set('wax+') & {*str(mode.value)})
                if owner == 'os' or (not reads and owner != 'Image'):
                    yield called
            elif name == 'memmap':
                mode = mode or next(iter(node.args[2:3]), None)
                if not (isinstance(mode, ast.Constant) and mode.value in ('r', 'c')):
                    yield called
            elif name in WRITING or (owner, name) in WRITING_BY or (name == 'save' and SAVING.match(owner)):
                yield called


@for_each(
    'text',
    ["open(p, 'w')", "open(p, mode='ab')", 'open(p, m)', "p.open('x')", "io.open(p, 'r+')", 'p.write_text(t)',
     'a.tofile(f)', 'numpy.save(p, a)', "np.memmap(p, float, 'w+')", 'np.memmap(p)', 'f.savefig(p)', 'os.replace(a, b)',
     'os.open(p, flags)', 'json.dump(t, f)', 'tempfile.NamedTemporaryFile()',
     'super().render(p)', 'super().save(p)', 'pages[0].save(p)',
     'numpy.lib.format.open_memmap(p)'],
)  # fmt: skip
def test_the_test_sees_writing(text: str) -> None:
    assert [*writes(ast.parse(text))]
    reading = "open(p); open(p, 'rb'); p.open(); numpy.memmap(p, float, 'r'); t.replace('a', 'b'); net.save(p)"
    assert not [*writes(ast.parse(reading))]


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'old')
    with pytest.raises(ZeroDivisionError), writing(tmp_path / 'file') as draft:
        draft.write(b'new' * 100_000)
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError, match='another'), writing(tmp_path / 'file') as draft:
        (tmp_path / 'another').read_bytes()  # what goes wrong with another file is told of that
    assert (tmp_path / 'file').read_bytes() == b'old'
    assert [*tmp_path.iterdir()] == [tmp_path / 'file']


def test_it_is_synced_before_it_has_its_name_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(number: int) -> None:
        log.append('folder' if stat.S_ISDIR(os.fstat(number).st_mode) else f'{os.fstat(number).st_size} bytes')
        fsync(number)

    monkeypatch.setattr(os, 'fsync', synced)
    monkeypatch.setattr(os, 'replace', lambda a, b: (log.append('renamed'), replace(a, b)))
    write_whole(tmp_path / 'file', b'12345')
    assert log == ['5 bytes', 'renamed', 'folder']


def test_a_new_file_has_the_usual_mode_and_a_secret_stays_one(tmp_path: Path) -> None:
    usual = tmp_path / 'usual'
    usual.touch()
    write_whole(tmp_path / 'new', 'text')
    assert (tmp_path / 'new').stat().st_mode == usual.stat().st_mode
    usual.chmod(0o600)
    with writing(usual) as draft:
        draft.write(b'secret')
        assert all(not path.stat().st_mode & 0o077 for path in tmp_path.iterdir() if path.name.startswith('.'))
    assert stat.S_IMODE(usual.stat().st_mode) == 0o600


def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'old')
    (tmp_path / 'file').chmod(0o444)
    if os.access(tmp_path / 'file', os.W_OK):
        pytest.skip('this user may write everything')
    for write in check_writable, lambda path: write_whole(path, b'new'):
        with pytest.raises(PermissionError, match=r"'.*file'"):
            write(tmp_path / 'file')


def test_what_is_no_file_is_written_as_it_is(tmp_path: Path) -> None:
    reading, pipe = os.pipe()
    write_whole(f'/dev/fd/{pipe}', b'through a pipe')
    os.close(pipe)
    assert os.read(reading, 100) == b'through a pipe'
    os.close(reading)
    write_whole('/dev/null', b'nothing')
    check_writable('/dev/null')
    if Path('/dev/full').exists():
        with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
            write_whole('/dev/full', b'more')


def test_checking_leaves_nothing_and_names_the_place(tmp_path: Path) -> None:
    check_writable(tmp_path / 'new')
    assert not [*tmp_path.iterdir()]
    for place, trouble in (tmp_path / 'no' / 'file', FileNotFoundError), (tmp_path, IsADirectoryError):
        with pytest.raises(trouble) as caught:
            check_writable(place)
        assert caught.value.filename == str(place)
    (tmp_path / 'one').symlink_to(tmp_path / 'other')
    (tmp_path / 'other').symlink_to(tmp_path / 'one')
    with pytest.raises(OSError, match=r"'.*one'"):
        write_whole(tmp_path / 'one', b'')


KILLED = """
import os, sys
from pathlib import Path
from microgradnet._files import Folder, writing
folder = Folder()
with folder.writing("rows") as rows, writing(sys.argv[1]) as draft:
    rows.write(b'1' * 100_000)
    draft.write(b'1' * 100_000)
    print(folder.path, flush=True)
    sys.stdin.read()
"""


def test_what_the_killed_leave_is_swept_and_what_the_living_write_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    place = tmp_path / 'folder' / 'file'
    place.parent.mkdir()
    place.write_bytes(b'old')
    (tmp_path / 'microgradnet-worktree').mkdir()  # whoever this belongs to
    code = [sys.executable, '-c', KILLED, place]
    with subprocess.Popen(
        code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PACKAGE.parent
    ) as process:
        assert process.stdout is not None
        spool = Path(process.stdout.readline().strip())
        assert spool.parent == tmp_path
        check_writable(place)
        Folder()
        assert spool.exists() and len([*place.parent.iterdir()]) == 2  # it lives
        process.kill()
    assert place.read_bytes() == b'old'
    check_writable(place)
    assert [*place.parent.iterdir()] == [place]
    mine = Folder()
    assert {*tmp_path.iterdir()} == {place.parent, mine.path, tmp_path / 'microgradnet-worktree'}
    path = mine.path
    del mine
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
@pytest.mark.filterwarnings('ignore:.*fork.*:DeprecationWarning')
def test_a_fork_that_ends_leaves_the_folder_to_its_parent() -> None:
    folder = Folder()
    if not (child := os.fork()):
        folder._end()  # as at the end of the interpreter
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.path.exists()


# Several files together.


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


CALLS = 'open', 'replace', 'fsync', 'unlink', 'mkdir', 'rmdir'


def kill_at(step: int) -> None:
    """End this process at a call to the system, as SIGKILL would."""
    calls = iter(range(step))

    def killing(call: Callable[..., Any]) -> Callable[..., Any]:
        def killed(*arguments: Any, **options: Any) -> Any:
            if next(calls, None) is None:
                os._exit(9)
            return call(*arguments, **options)

        return killed

    for name in CALLS:
        setattr(os, name, killing(getattr(os, name)))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
@pytest.mark.filterwarnings('ignore:.*fork.*:DeprecationWarning')
def test_several_files_are_written_all_or_none(tmp_path: Path) -> None:
    """Killed at any call to the system, the folder holds all of the old or, once it is used again, all of the new."""
    old, new = {'a': '1', 'b': '2', 'c': '3'}, {'a': 'I', 'b': None, 'c': 'III', 'd': 'IV', 'not there': None}
    wanted = {'a': 'I', 'c': 'III', 'd': 'IV'}
    outcomes = []
    for step in range(1000):
        folder = tmp_path / str(step)
        folder.mkdir()
        (tmp_path / f'c{step}').write_text('3')
        (folder / 'c').symlink_to(tmp_path / f'c{step}')
        for name in 'ab':
            (folder / name).write_text(old[name])
        if not (child := os.fork()):
            try:
                kill_at(step)
                write_together(folder, new)
                os._exit(0)
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        check_writable(folder / 'whatever')
        assert content(folder) in (old, wanted), step
        outcomes.append(content(folder) == wanted)
        assert (folder / 'c').is_symlink()
        if status == 0:
            break
    assert outcomes == sorted(outcomes) and len({*outcomes}) == 2 and step > 25
    assert len([*tmp_path.iterdir()]) == 2 * (step + 1)


def test_a_run_is_replaced_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_disk: Callable[[], Any]
) -> None:
    """With --force, whatever goes wrong leaves the earlier run as it was."""
    monkeypatch.setitem(sys.modules, 'pygraphviz', None)
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    monkeypatch.setenv('PATH', '')
    (tmp_path / 'data.csv').write_text(CSV)
    arguments = ['train', tmp_path / 'data.csv', '--target', 'y', '--out', tmp_path / 'run', '--layers', '--force']
    told(*arguments, '--epochs', 2)
    (tmp_path / 'run' / 'history.png').write_text('of the run before')
    before = content(tmp_path / 'run')
    with full_disk(), pytest.raises(OSError, match='No space left') as caught:
        told(*arguments, '--epochs', 3)
    assert Path(caught.value.filename).parent == tmp_path / 'run'
    assert content(tmp_path / 'run') == before
    replace = os.replace

    def killed(source: Any, target: Any) -> None:
        if Path(target).name == 'run.json':
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', killed)
        assert main([*map(str, arguments), '--epochs', '3']) == 130
    load_run(tmp_path / 'run')  # finishes it
    after = content(tmp_path / 'run')
    assert {*after} == {'net.json', 'run.json', 'report.txt'}
    assert all(after[name] != before[name] for name in after)


def test_a_run_is_refused_before_it_learns_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('microgradnet.command_line.train.teach', None)  # nothing is learned
    (tmp_path / 'data.csv').write_text(CSV)
    common = ['train', tmp_path / 'data.csv', '--target', 'y', '--force', '--out']
    (tmp_path / 'run' / 'net.json').mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match=r'net\.json'):
        told(*common, tmp_path / 'run')
    with pytest.raises(OSError, match=r'data\.csv'):
        told(*common, tmp_path / 'data.csv')
