import jax
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from lsmlib.masking import Mixture
from lsmlib.models.lsm2 import LSM2
from lsmlib.models.reading import is_anything_read
from lsmlib.models.sizes import Size
from lsmlib.nn.transformer import Stack
from lsmlib.optimizer import make_optimizer
from lsmlib.packing import stretches, unpack_days
from lsmlib.signals import normalise
from tests.models.aim import aim, sincos
from tests.models.compiled import differentiate, run
from tests.windows import small_windows

SIZE = Size(Stack(1, 16, 2, 32), Stack(1, 12, 2, 24))
SMALL = {"size": SIZE, "minutes": 60, "mixture": Mixture(contiguous=False)}  # 6 x 26 tokens
TOKENS = 156


@pytest.fixture(scope="module")
def days():
    """Eight hours with gaps: in one nothing is observed, in one everything."""
    windows = small_windows(rows=8)
    draw = np.random.default_rng(0)
    whole = draw.random((8, 6, 26)).repeat(10, axis=1) < 0.4
    minutes = draw.random((8, 60, 26)) < 0.01
    gaps = whole | minutes
    gaps[0], gaps[1] = True, False
    return windows.assign(signals=windows["signals"].where(~gaps)).drop_vars("observed")


@pytest.fixture(scope="module")
def model():
    return LSM2(**SMALL)


def signals_of(days):
    return normalise(days["signals"].values)


def draw_hidden(days, seed=0):
    """Three fifths of the tokens."""
    noise = np.random.default_rng(seed).random((days, TOKENS))
    return noise.argsort(axis=1).argsort(axis=1) < 94


def loss_and_gradients(model, inputs):
    """The loss, and its gradient for every weight."""
    (loss, _), gradients = differentiate(model, inputs)
    return loss, gradients


def assert_same(one, other, relative=1e-5):
    """Loss and gradients agree, relative to the largest entry of each."""
    np.testing.assert_allclose(one[0], other[0], rtol=relative, atol=1e-7)
    for first, second in zip(one[1], other[1], strict=True):
        size = max(float(np.abs(first).max()), 1e-6)
        assert np.abs(np.asarray(first) - np.asarray(second)).max() <= relative * size


def test_base_has_the_papers_parameters():
    """LSM-2: 25 million as reported; 24.56 with the widths and depths that fit."""
    assert LSM2("base").count_params() == pytest.approx(24.56e6, rel=0.005)


@pytest.mark.parametrize("rule", ["any", "all"])
@pytest.mark.parametrize("reads", ["observed", "all"])
def test_both_forms_are_aim_by_its_definition(days, rule, reads):
    size = Size(Stack(2, 16, 2, 32), Stack(1, 24, 4, 48))
    model = LSM2(**SMALL | {"size": size}, patch_missing_if=rule, decoder_reads=reads)
    weights = {w.path.split("/", 1)[1]: np.asarray(w.value, np.float64) for w in model.trainable_weights}
    signals = signals_of(days)
    hidden = draw_hidden(8)
    positions = sincos(6, 26, 16), sincos(6, 26, 24)
    expected, details = aim(
        weights, signals, hidden, patch_minutes=10, heads=2, decoder_heads=4, rule=rule, decoder_reads=reads,
        positions=positions,
    )  # fmt: skip
    packed = model.pack(signals, hidden, rows=2)
    (paper, _), (packed_loss, exact) = run(model, {"signals": signals, "hidden": hidden}), run(model, packed)
    assert [float(paper), float(packed_loss)] == pytest.approx([expected, expected], rel=1e-5)
    row, place, _ = stretches(packed["lengths"])
    truth = np.concatenate([d["encoded"][d["visible"]] for d in details])
    np.testing.assert_allclose(np.asarray(exact["encoded"])[row, place], truth, rtol=1e-5, atol=2e-5)
    found = unpack_days(packed, np.asarray(exact["prediction"]), TOKENS)
    for one, detail in zip(found, details, strict=True):
        where = detail["target"]
        np.testing.assert_allclose(one[where], detail["prediction"][where], rtol=1e-5, atol=2e-5)


@settings(max_examples=4, deadline=None)
@given(
    seed=st.integers(0, 999), gaps=st.sampled_from([0.0, 0.3, 0.9, 1.0]), reads=st.sampled_from(["observed", "all"]),
    rule=st.sampled_from(["any", "all"]), way=st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]),
)  # fmt: skip
def test_packed_and_paper_have_the_same_loss_embeddings_and_gradients(seed, gaps, reads, rule, way):
    draw = np.random.default_rng(seed)
    model = LSM2(SIZE, minutes=60, mixture=Mixture(chances=way), patch_missing_if=rule, decoder_reads=reads, seed=seed)
    signals = draw.standard_normal((4, 60, 26)).astype(np.float32)
    signals[(draw.random((4, 6, 26)) < gaps).repeat(10, axis=1)] = np.nan
    signals[draw.random((4, 60, 26)) < 0.002] = np.nan
    if seed % 2:
        signals[0], signals[1] = np.nan, 1.0  # nothing observed; everything
    noise = draw.random((4, TOKENS + 2), np.float32)
    hidden, paper = model.mixture.hide(noise, 6, 26), {"signals": signals, "noise": noise}
    packed = model.pack(signals, hidden, rows=1)
    results = [differentiate(model, inputs) for inputs in (paper, packed)]
    losses = [float(loss) for (loss, _), _ in results]
    assert_same(*((loss, gradients) for (loss, _), gradients in results))
    assert np.isfinite(losses[0]) and (losses[0] > 0) == bool((gaps < 1) or seed % 2)
    encoded = [np.asarray(outputs["encoded"]) for (_, outputs), _ in results]
    row, place, day = stretches(packed["lengths"])
    first = np.concatenate([[0], np.cumsum(packed["lengths"].ravel())])[day]
    np.testing.assert_allclose(encoded[1][row, place], encoded[0][day, place - first], rtol=1e-5, atol=1e-5)


def test_one_row_or_one_a_day_is_the_same(model, days):
    signals, hidden = signals_of(days), draw_hidden(8)
    results = [loss_and_gradients(model, model.pack(signals, hidden, rows)) for rows in (1, 2, 8)]
    assert_same(results[0], results[1])
    assert_same(results[0], results[2])


@pytest.mark.parametrize("rule", ["any", "all"])
def test_what_is_missing_has_no_gradient_and_no_effect(days, rule):
    model = LSM2(**SMALL, patch_missing_if=rule)
    signals, hidden = signals_of(days), draw_hidden(8)
    packed = model.pack(signals, hidden, rows=1)

    def loss_of_paper(signals):
        with keras.StatelessScope():
            return model.compute_loss(y_pred=model({"signals": signals, "hidden": hidden}))

    slopes = np.asarray(jax.jit(jax.grad(loss_of_paper))(signals))
    assert (slopes[np.isnan(signals)] == 0).all() and np.isfinite(slopes).all() and (slopes != 0).any()

    # A reading within a missing patch (rule "any") is not read either.
    tokens = np.isnan(model.grid.to_patches(signals)).any(axis=2)
    unread = model.grid.to_windows(np.repeat(tokens[:, :, None], 10, axis=2)) if rule == "any" else np.isnan(signals)
    other = np.where(unread & ~np.isnan(signals), np.float32(4.5), signals)
    before, after = (loss_and_gradients(model, model.pack(x, hidden, 1)) for x in (signals, other))
    jax.tree.map(np.testing.assert_array_equal, before, after)

    # Nor does the padding of rows reach anything, whatever it holds.
    inside = np.arange(packed["values"].shape[1]) < packed["lengths"].sum()
    for junk in (np.nan, 1e9):
        spoilt = packed | {"values": np.where(inside[None, :, None], packed["values"], np.float32(junk))}
        jax.tree.map(np.testing.assert_array_equal, before, loss_and_gradients(model, spoilt))


def test_what_is_hidden_changes_no_embedding_and_no_prediction(model, days):
    hidden = model.grid.to_windows(np.repeat(draw_hidden(8)[:, :, None], 10, axis=2))
    expected = model.reconstruct(days, hidden)
    values = days["signals"].values
    draw = np.random.default_rng(1)
    for junk in (np.full(values.shape, np.nan), draw.normal(50, 20, values.shape), np.full(values.shape, 1e9)):
        spoilt = days.assign(signals=(days["signals"].dims, np.where(hidden, junk, values).astype(np.float32)))
        np.testing.assert_array_equal(model.reconstruct(spoilt, hidden), expected)
    removed = days.assign(signals=days["signals"].where(~hidden))
    visible = model.pack(signals_of(days), model.grid.to_patches(hidden).any(axis=2), rows=1)
    encoded = np.asarray(run(model, visible)[1]["encoded"])
    row, place, day = stretches(visible["lengths"])
    means = [encoded[row, place][day == d].mean(axis=0) if (day == d).any() else np.zeros(16) for d in range(8)]
    np.testing.assert_allclose(model.embed(removed), means, atol=1e-5)


def test_a_day_with_nothing_has_a_defined_answer(model, days):
    vectors = model.embed(days)
    assert np.isfinite(vectors).all() and (vectors[0] == 0).all() and (vectors[1:] != 0).any(axis=1).all()
    filled = model.impute(days)["signals"].values
    assert np.isfinite(filled).all()
    empty = days.isel(day=[0])
    assert np.isfinite(model.impute(empty)["signals"].values).all()
    assert model.validation_loss(empty) == 0
    loss, slopes = loss_and_gradients(model, model.pack(signals_of(empty), draw_hidden(1), 1))
    assert loss == 0 and all((np.asarray(slope) == 0).all() for slope in slopes)


def test_impute_and_reconstruct_leave_measured_values_alone(model, days):
    observed = days["signals"].notnull().values
    filled = model.impute(days)
    np.testing.assert_array_equal(filled["signals"].values[observed], days["signals"].values[observed])
    assert filled["signals"].attrs == days["signals"].attrs and set(filled) == set(days)
    lsmlib.check_cohort(filled)  # no negative steps
    hidden = np.zeros(observed.shape, bool)
    hidden[:, 20:33, 4] = True
    result = model.reconstruct(days, hidden)
    np.testing.assert_array_equal(result[~hidden], days["signals"].values[~hidden])
    assert np.isfinite(result[hidden]).all()
    np.testing.assert_array_equal(model.reconstruct(days, np.zeros(observed.shape, bool)), days["signals"].values)
    later = np.zeros(observed.shape, bool)
    later[:, 42:] = True
    np.testing.assert_array_equal(model.forecast(days, 42), model.reconstruct(days, later)[:, 42:])


def test_batches_and_their_order_change_nothing(model, days):
    vectors = model.embed(days)
    np.testing.assert_allclose(model.embed(days, batch_size=3), vectors, atol=1e-5)
    order = np.random.default_rng(0).permutation(8)
    np.testing.assert_allclose(model.embed(days.isel(day=order)), vectors[order], atol=1e-5)
    hidden = np.random.default_rng(1).random((8, 60, 26)) < 0.1
    np.testing.assert_allclose(
        model.reconstruct(days, hidden, batch_size=3), model.reconstruct(days, hidden), rtol=1e-4, atol=1e-3
    )
    loss = model.validation_loss(days)
    assert model.validation_loss(days, batch_size=3) == pytest.approx(loss, rel=1e-5)
    signals = signals_of(days)
    at_once, _ = run(model, model.prepare(signals, np.arange(8)))
    assert loss == pytest.approx(float(at_once), rel=1e-5)


def test_masks_belong_to_the_place_in_training(model, days):
    """Whatever the batch, and in both forms."""
    signals = signals_of(days)
    both = model, LSM2(**SMALL, packing="paper")
    (one, first), (again, _), (later, _) = ([m.prepare(signals, np.arange(8) + p) for m in both] for p in (0, 0, 8))
    jax.tree.map(np.testing.assert_array_equal, one, again)
    assert not np.array_equal(one["number"], later["number"])
    parts = [both[1].prepare(signals[part], np.arange(8)[part])["noise"] for part in (slice(0, 3), slice(3, 8))]
    np.testing.assert_array_equal(np.concatenate(parts), first["noise"])
    assert len({row.tobytes() for row in first["noise"]}) == 8
    assert 0 <= first["noise"].min() < 0.01 and 0.99 < first["noise"].max() < 1
    other = LSM2(**{**SMALL, "seed": 1}, packing="paper").prepare(signals, np.arange(8))
    assert not np.array_equal(other["noise"], first["noise"])


@pytest.mark.parametrize("packing", ["exact", "paper"])
def test_pretrain_is_compile_and_fit_and_learns(days, packing):
    trained = LSM2(**SMALL, packing=packing)
    before = trained.validation_loss(days)
    history = lsmlib.pretrain(trained, days, steps=30, batch_size=4, learning_rate=3e-3, valid=days, progress=False)
    assert history["valid_loss"][-1] == pytest.approx(trained.validation_loss(days))
    assert history["valid_loss"][-1] < 0.8 * before
    other = LSM2(**SMALL, packing=packing)
    other.compile(make_optimizer(30, 3e-3))
    batches = lsmlib.make_batches(days, 4, 0, prepare=other.prepare)
    other.fit(batches, steps_per_epoch=30, shuffle=False, verbose=0)
    for one, two in zip(trained.trainable_weights, other.trainable_weights, strict=True):
        np.testing.assert_array_equal(one.value, two.value)


def test_both_forms_train_alike(days):
    losses = [
        lsmlib.pretrain(LSM2(**SMALL, packing=packing), days, steps=5, batch_size=4, progress=False)["loss"]
        for packing in ("exact", "paper")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_the_share_that_is_dropped_changes_no_result(days):
    """Bit for bit with exact packing, which drops all that is masked; to rounding in the paper's form."""
    trained = []
    for model in (LSM2(**SMALL, drop=0.5), LSM2(**SMALL, drop=0.25)):
        lsmlib.pretrain(model, days, steps=3, batch_size=4, progress=False)
        trained.append([np.asarray(weight.value) for weight in model.trainable_weights])
    jax.tree.map(np.testing.assert_array_equal, *trained)
    paper = [LSM2(**SMALL, drop=share, packing="paper") for share in (0.5, 0.25)]
    noise = paper[0].prepare(signals_of(days), np.arange(8))["noise"]
    inputs = {"signals": signals_of(days), "noise": noise}
    results = [differentiate(model, inputs) for model in paper]
    assert [outputs["encoded"].shape[1] for (_, outputs), _ in results] == [TOKENS // 2, TOKENS * 3 // 4]
    assert_same(*((loss, gradients) for (loss, _), gradients in results))


def test_plain_batches_are_trained_on_in_the_papers_form(days):
    model = LSM2(**SMALL)
    model.compile(make_optimizer(20, 3e-3))
    batches = lsmlib.make_batches(days, 4, 0)
    losses = [model.fit(batches, steps_per_epoch=10, shuffle=False, verbose=0).history["loss"][0] for _ in range(2)]
    assert losses[1] < losses[0]
    outputs = model(signals_of(days))
    assert outputs["prediction"].shape == (8, TOKENS, 10)
    again = model(signals_of(days))  # masks are drawn anew
    assert not np.array_equal(outputs["scored"], again["scored"])


def test_a_keras_file_gives_the_same_model(days, tmp_path):
    model = LSM2(**SMALL, patch_missing_if="all", decoder_reads="all", seed=3)
    model.save(tmp_path / "m.keras")
    loaded = lsmlib.load_model(tmp_path / "m.keras")
    assert isinstance(loaded, LSM2) and loaded.mixture[:4] == model.mixture[:4]
    np.testing.assert_array_equal(loaded.embed(days), model.embed(days))
    signals = signals_of(days)
    jax.tree.map(np.testing.assert_array_equal, *(m.prepare(signals, np.arange(8)) for m in (loaded, model)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "huge"}, "there is no size 'huge'"),
        ({"packing": "tight"}, "packing is 'tight'; expected 'exact' or 'paper'"),
        ({"patch_missing_if": "some"}, "patch_missing_if is 'some'; expected 'any' or 'all'"),
        ({"decoder_reads": "visible"}, "decoder_reads is 'visible'"),
        ({"drop": 0.6}, "visible ones would be dropped. Expected at most drop=0.5"),
        ({"drop": -0.1}, "drop is -0.1"),
        ({"drop": "half"}, "drop is 'half'; expected a share of all tokens, from 0 to 1"),
        ({"drop": float("nan")}, "drop is nan"),
        ({"mixture": Mixture(time=0.2)}, r"one of the masks in Mixture\(.*\) hides 26"),
        ({"mixture": Mixture(random=1.0)}, "random is 1.0"),
        ({"patch_minutes": 7}, "patch_minutes is 7; expected a divisor of the 60 minutes"),
    ],
)
def test_what_cannot_be_built_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        LSM2(**{**SMALL, **options})


def test_days_that_do_not_fit_are_refused(model, days):
    short = days.isel(minute=slice(0, 30))
    for act in (model.embed, model.impute, model.validation_loss):
        with pytest.raises(ValueError, match=r"expected \[b, 60, 26\]"):
            act(short)
    with pytest.raises(ValueError, match=r"hidden is bool \(8, 30, 26\); expected bool \(8, 60, 26\)"):
        model.reconstruct(days, np.zeros((8, 30, 26), bool))
    with pytest.raises(ValueError, match="minute is 60"):
        model.forecast(days, 60)
    swapped = days.isel(signal=np.r_[1, 0, 2:26])
    with pytest.raises(ValueError, match="signal"):
        model.embed(swapped)


def test_readings_that_are_not_read_are_pointed_out(model, days):
    """One minute in ten lost, and a patch of ten minutes is seldom whole: 0.9 to the tenth."""
    lost = np.random.default_rng(2).random(days["signals"].shape) < 0.1
    dotted = days.assign(signals=days["signals"].where(~lost))
    observed = dotted["signals"].notnull().values
    unread = 1 - 10 * model.observed_tokens(observed).sum() / observed.sum()
    for act in (model.embed, model.impute):
        with pytest.warns(UserWarning, match=f"{unread:.0%} of the readings are not read: .*patches of 10 minutes"):
            act(dotted)
    LSM2(**SMALL, patch_missing_if="all").embed(dotted)  # reads them all, and says nothing


@pytest.mark.parametrize(("rule", "word"), [("any", "complete"), ("all", "observed")])
def test_training_on_nothing_is_refused(days, rule, word):
    nothing = days.isel(day=[0])
    with pytest.raises(ValueError, match=f"no patch of 10 minutes is {word} on any of its 1 days"):
        lsmlib.pretrain(LSM2(**SMALL, patch_missing_if=rule), nothing, steps=1, batch_size=1, progress=False)


def test_one_day_with_readings_among_many_without_is_found(model, days):
    many = days.isel(day=[0] * 200)
    assert not is_anything_read(many, model.observed_tokens)
    many["signals"][190, :10, 3] = 30.0
    assert is_anything_read(many, model.observed_tokens)


def test_values_that_cannot_be_are_refused_unless_hidden(model, days):
    wild = days.copy(deep=True)
    wild["signals"][1, 5, 0] = 900.0
    hidden = np.zeros(days["signals"].shape, bool)
    for act in (model.impute, lambda cohort: model.reconstruct(cohort, hidden)):
        with pytest.raises(ValueError, match="900"):
            act(wild)
    hidden[1, 5, 0] = True
    np.testing.assert_array_equal(model.reconstruct(wild, hidden), model.reconstruct(days, hidden))


def test_arrays_are_told_what_to_become(model, days):
    for act in (model.embed, model.impute, lambda array: model.forecast(array, 30)):
        with pytest.raises(ValueError, match=r"this is a ndarray; see lsmlib\.make_cohort"):
            act(days["signals"].values)


def test_bfloat16_keeps_weights_predictions_and_loss_in_float32(days):
    model = LSM2(**SMALL, dtype="mixed_bfloat16")
    packed = model.pack(signals_of(days), draw_hidden(8), rows=2)
    loss, outputs = run(model, packed)
    assert outputs["encoded"].dtype == "bfloat16" and outputs["prediction"].dtype == "float32"
    assert loss.shape == () and loss.dtype == "float32"
    expected, _ = run(LSM2(**SMALL), packed)
    assert float(loss) == pytest.approx(float(expected), rel=0.02)
