"""The demo's scenes as a source."""

from index.demo.scenes import NOVEL_CLASSES, Scenes
from index.sources.demo import DEMO_PER_CLASS, DEMO_SEED
from index.sources.open import open_source


def test_classes_are_sorted_and_scenes_are_what_they_were() -> None:
    source = open_source("")
    assert (source.kind, len(source)) == ("demo", len(NOVEL_CLASSES) * DEMO_PER_CLASS)
    assert source.class_names == sorted(NOVEL_CLASSES)
    assert source.ids[:2] == ["0", "1"]
    drawn = Scenes(DEMO_PER_CLASS, classes=NOVEL_CLASSES, seed=DEMO_SEED)
    for row in (0, 8, 41):
        image, label = drawn[row]
        assert source.image(row).tobytes() == image.tobytes()
        assert source.class_names[source.labels[row]] == drawn.classes[label]
        assert source.dataset[row][1] == source.labels[row]
