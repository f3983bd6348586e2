"""The figure of a caption marks each fact where it is, under the number of its sentence."""

import numpy as np
import pytest

from lsmlib import plots_captions
from lsmlib.text import Caption, caption_days, parse_caption
from tests.text.days import eventful_cohort, plain_cohort


def test_facts_are_marked_where_they_are():
    cohort = plain_cohort(heart_rate=np.full(1440, 70.0), steps=np.full(1440, 5.0))
    caption = parse_caption(
        "Heart rate averaged 70.0 bpm (sd 2.0), with values from 60.0 to 80.0 bpm. Heart rate peaked at 120.0 bpm "
        "between 10:00 and 10:30. Between 12:00 and 15:00 there was a fall of 20.0 bpm in heart rate.\n"
        "The log shows walk from 08:00 to 09:00."
    )
    figure = plots_captions.plot_caption(cohort, 0, caption)
    events, heart, words = figure.axes
    assert heart.get_title(loc="left") == "heart rate (bpm)"
    levels = [line.get_ydata()[0] for line in heart.lines[1:]]
    assert levels == [70, 80, 60, 120]
    spans = [patch.get_extents().transformed(heart.transData.inverted()) for patch in heart.patches]
    assert (spans[0].y0, spans[0].y1) == pytest.approx((68, 72))
    assert (spans[1].x0, spans[1].x1) == pytest.approx((10, 10.5))
    (arrow,) = [text for text in heart.texts if getattr(text, "arrowprops", None)]
    assert arrow.xyann == (12, 70) and arrow.xy == (15, 50)
    walk = events.patches[0].get_extents().transformed(events.transData.inverted())
    assert (walk.x0, walk.x1) == pytest.approx((8, 9))
    assert [text.get_text() for text in events.texts] == ["4 walk"]
    assert {"1", "2", "3"} <= {text.get_text().strip() for text in heart.texts}
    assert [text.get_text().split()[0] for text in words.texts] == ["1", "2", "3", "4"]


def test_a_whole_caption_can_be_drawn():
    cohort = eventful_cohort(1)
    (caption,) = caption_days(cohort)
    figure = plots_captions.plot_caption(cohort, 0, caption)
    assert len(figure.axes) == plots_captions.MOST_PANELS + 2
    assert len(figure.axes[-1].texts) == len(caption.sentences)


def test_events_alone_can_be_drawn():
    cohort = eventful_cohort(1)
    (caption,) = caption_days(cohort, "semantic")
    assert len(plots_captions.plot_caption(cohort, 0, caption).axes) == 2


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="the caption states no fact"):
        plots_captions.plot_caption(eventful_cohort(1), 0, Caption("", ()))
