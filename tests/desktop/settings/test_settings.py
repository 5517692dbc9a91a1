from __future__ import annotations

from pathlib import Path

from desktop.settings.projects import PROFILE_NAME, Profile, Projects
from desktop.settings.session import (
    Journal,
    OpenFile,
    Session,
    Unsaved,
    load_session,
    save_session,
)
from desktop.settings.settings import Settings, SettingsStore, settings_from_json, settings_to_json


def test_settings_survive_being_written_and_read() -> None:
    settings = Settings(theme="dark", font_size=14, shortcuts={"file.save": ("Ctrl+K",)})
    assert settings_from_json(settings_to_json(settings)) == settings


def test_damaged_settings_fall_back_field_by_field() -> None:
    text = '{"font_size": "big", "word_wrap": true, "platforms": [1], "unknown": 1}'
    settings = settings_from_json(text)
    assert settings == Settings(word_wrap=True)
    assert settings_from_json("{nonsense") == Settings()
    assert settings_from_json("[]") == Settings()


def test_a_change_is_on_disk_before_it_is_told(tmp_path: Path, qapp: object) -> None:
    store = SettingsStore(tmp_path / "settings.json")
    seen: list[Settings] = []
    store.changed.connect(
        lambda value: seen.append(settings_from_json(store.path.read_text())) or None
    )
    store.update(font_size=20)
    store.update(font_size=20)
    assert [s.font_size for s in seen] == [20]


def test_the_session_survives_and_damage_means_a_fresh_one(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    session = Session(files=(OpenFile(path="/a", caret=3),), current="/a", first_start=False)
    save_session(path, session)
    assert load_session(path) == session
    path.write_text('{"version": 1}')
    assert load_session(path) == Session()


def test_the_layout_of_another_version_is_not_applied(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    save_session(path, Session(version=999, layout=(("sides", "x"),), folder="/f"))
    loaded = load_session(path)
    assert loaded.layout == ()
    assert loaded.folder == "/f"


def test_the_journal_gives_back_what_was_not_saved(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    unsaved = Unsaved(path="/x/Dockerfile", title="Dockerfile", text="FROM ü\n", base="abc")
    journal.write("/x/Dockerfile", unsaved)
    journal.write("/x/Dockerfile", unsaved)
    assert journal.entries() == (("/x/Dockerfile", unsaved),)
    journal.forget("/x/Dockerfile")
    journal.forget("/x/Dockerfile")
    assert journal.entries() == ()


def test_a_damaged_journal_entry_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"key": "a", "half')
    assert Journal(tmp_path).entries() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_projects_own_profile_goes_before_what_was_chosen_last(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    projects = Projects(tmp_path / "state")
    assert projects.load(folder) is None
    projects.remember(folder, Profile(tags=("a:1",)))
    assert projects.load(folder) == Profile(tags=("a:1",))
    projects.share(folder, Profile(tags=("b:2",), build_args={"X": "1"}))
    assert projects.load(folder) == Profile(tags=("b:2",), build_args={"X": "1"})
    projects.remember(folder, Profile(tags=("c:3",)))
    assert (folder / PROFILE_NAME).read_text() == '{\n  "tags": [\n    "c:3"\n  ]\n}\n'
