"""The expected facts of every function: closed forms derived by hand, none of them taken from actbench's output.

A key is a property, with `:1` for the second kink, zero or place and `:text` for the text.
"""

import math

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import lambertw
from scipy.stats import norm

NOT_DETERMINED = "not determined"
INF = math.inf
Phi, phi = norm.cdf, norm.pdf
W = float(lambertw(math.exp(-1)).real)


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def softplus(z):
    return math.log1p(math.exp(z))


def expectation(g):
    """E g(z) for z ~ N(0, 1) by QUADPACK, for the smooth functions that have no closed form."""
    return quad(lambda z: g(z) * phi(z), -12, 12, epsabs=1e-13, epsrel=1e-13, limit=400)[0]


def root(g, low, high):
    return brentq(g, low, high, xtol=1e-15, rtol=1e-15)


# Derivatives by hand.
def gelu_slope(z):  # (z Phi)' = Phi + z phi
    return Phi(z) + z * phi(z)


def silu_slope(z):  # (z s)' = s + z s (1 - s)
    return sigmoid(z) * (1 + z * (1 - sigmoid(z)))


def mish_slope(z):  # (z tanh p)' = tanh p + z (1 - tanh^2 p) p', p' = sigmoid
    t = math.tanh(softplus(z))
    return t + z * (1 - t * t) * sigmoid(z)


def serf_slope(z):  # (z erf p)' = erf p + z 2/sqrt(pi) e^(-p^2) p'
    p = softplus(z)
    return math.erf(p) + z * 2 / math.sqrt(math.pi) * math.exp(-p * p) * sigmoid(z)


def telu_slope(z):  # (z tanh e^z)' = tanh e^z + z e^z (1 - tanh^2 e^z)
    t = math.tanh(math.exp(z))
    return t + z * math.exp(z) * (1 - t * t)


def top_of(slope, low, high):
    """Where a derivative is largest, as the root of its central difference (to about 1e-9)."""
    h = 1e-5
    return root(lambda z: slope(z + h) - slope(z - h), low, high)


TANH2 = expectation(lambda z: math.tanh(z) ** 2)
SIGMOID2 = expectation(lambda z: sigmoid(z) ** 2)
SOFTPLUS = expectation(softplus)
# silu'' = s (1 - s) (2 + z (1 - 2 s)) is zero where z tanh(z/2) = 2.
SILU_STEEPEST = root(lambda z: z * math.tanh(z / 2) - 2, 1, 4)
SILU_SUP = silu_slope(SILU_STEEPEST)
# lisht' = tanh + z sech^2, lisht'' = 2 sech^2 (1 - z tanh z): at z tanh z = 1 the slope is 1/z + z (1 - 1/z^2) = z.
LISHT = root(lambda z: z * math.tanh(z) - 1, 1, 2)
GELU_MIN = root(gelu_slope, -2, 0)
# gelu'' = phi (2 - z^2) is zero at sqrt(2).
GELU_SUP = gelu_slope(math.sqrt(2))
MISH_MIN, MISH_STEEPEST = root(mish_slope, -2, 0), top_of(mish_slope, 0.5, 3)
SERF_MIN, SERF_STEEPEST = root(serf_slope, -2, 0), top_of(serf_slope, 0.5, 3)
TELU_MIN, TELU_STEEPEST = root(telu_slope, -2, 0), top_of(telu_slope, 0.1, 2)
XIELU_MIN = math.log(0.3 / 0.8)
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
# torch's kernel holds hardsigmoid's slope 1/6 in float32, even for float64 tensors.
SIXTH = float(np.float32(1 / 6))
# E[e^(cz); z < 0] = e^(c^2/2) Phi(-c); E[z; z > 0] = phi(0); E[z^2; z > a] = a phi(a) + Phi(-a).
EXP1, EXP2 = math.exp(0.5) * Phi(-1), math.exp(2) * Phi(-2)
EXP4 = math.exp(8) * Phi(-4)
INSIDE1, INSIDE3 = 2 * Phi(1) - 1, 2 * Phi(3) - 1


def logit(p):
    return math.log(p / (1 - p))


def sigmoid_end(epsilon):  # s (1 - s) = epsilon / 4, so s = (1 - sqrt(1 - epsilon)) / 2
    return logit((1 - math.sqrt(1 - epsilon)) / 2)


def tanh_end(epsilon):  # 1 - t^2 = epsilon
    return math.atanh(math.sqrt(1 - epsilon))


def squareplus_end(epsilon):
    c = 1 - 2 * epsilon
    return -2 * c / math.sqrt(1 - c * c)


def tail(slope, supremum, epsilon=0.01):
    """The outermost place on the left where |f'| = epsilon sup|f'|; below it f' is negative and rises to 0."""
    return root(lambda z: slope(z) + epsilon * supremum, -15, -2.5)


LINE = {"sup_derivative": 1, "num_jumps": 0, "num_extrema": 0, "monotonic": "non-decreasing"}
SMOOTH = {"num_jumps": 0, "num_kinks": 0, "num_derivative_kinks": 0, "continuity": 3}


def one_kink(left, right, place=0.0, order=1):
    return {
        "kink_place": place,
        "kink_order": order,
        "kink_left": left,
        "kink_right": right,
        "kink_jump": right - left,
        "continuity": order - 1,
    }


def dip(place, value):
    """One minimum, so f is not monotonic; its value is the attained infimum."""
    return {
        "num_extrema": 1,
        "extremum_low": place,
        "extremum_high": place,
        "extremum_value": value,
        "range_inf": value,
        "range_inf:text": "closed",
        "range_sup": INF,
        "monotonic": "no",
        "derivative_monotonic": "no",
        "num_zeros": 1,
        "zero_low": 0,
    }


def moments(mean, square, slope_square):
    return {
        "mean": mean,
        "second_moment": square,
        "derivative_second_moment": slope_square,
        "gain": 1 / math.sqrt(square),
        "chi": slope_square / square,
    }


def lines(left, right):
    """Slope and intercept towards each side."""
    (a, b), (c, d) = left, right
    return {
        "asymptote_left_slope": a,
        "asymptote_left_intercept": b,
        "asymptote_right_slope": c,
        "asymptote_right_intercept": d,
    }


def leaky(slope):
    """E f = (1 - slope) phi(0), E f^2 = E f'^2 = (1 + slope^2) / 2."""
    square = (1 + slope**2) / 2
    tails = {"tail_slope_low": slope, "tail_slope_high": 1}
    mean = (1 - slope) * phi(0)
    return {**LINE, **tails, **one_kink(slope, 1), **moments(mean, square, square), **lines((slope, 0), (1, 0))}


def elu(alpha, scale=1.0):
    """On the negative side alpha (e^z - 1) with slope alpha e^z, all of it times scale."""
    steepest = max(alpha, 1.0)
    mean = scale * (phi(0) + alpha * (EXP1 - 0.5))
    square = scale**2 * (0.5 + alpha**2 * (EXP2 - 2 * EXP1 + 0.5))
    return {
        **moments(mean, square, scale**2 * (0.5 + alpha**2 * EXP2)),
        **lines((0, -alpha * scale), (scale, 0)),
        "range_inf": -alpha * scale,
        "range_inf:text": "open",
        "range_sup": INF,
        "num_zeros": 1,
        "zero_low": 0,
        "sup_derivative": steepest * scale,
        "saturation_low_0.001": math.log(0.001 * steepest / alpha),
        "saturation_low_0.01": math.log(0.01 * steepest / alpha),
        "saturation_low_0.1": math.log(0.1 * steepest / alpha),
        "saturation_high_0.01": INF,
        "tail_slope_low": 0,
        "tail_slope_high": 1 / steepest,
        "num_extrema": 0,
    }


def symmetric_saturation(end):
    return {
        f"saturation_{side}_{epsilon}": sign * end(epsilon)
        for epsilon in (0.001, 0.01, 0.1)
        for side, sign in (("low", -1), ("high", 1))
    }


def bounded(low, high, ends):
    return {"range_inf": low, "range_sup": high, "range_inf:text": ends, "range_sup:text": ends}


FACTS = {
    "identity": {**LINE, **SMOOTH, **moments(0, 1, 1), **lines((1, 0), (1, 0)), "derivative_monotonic": "constant",
                 "saturation_low_0.1": -INF, "saturation_high_0.1": INF, "num_zeros": 1, "learnable": "none"},
    "relu": {**leaky(0), "zero_low": -INF, "zero_high": 0, "range_inf": 0, "range_inf:text": "closed",
             "saturation_low_0.01": 0, "saturation_high_0.01": INF, "derivative_monotonic": "non-decreasing"},
    "leaky_relu": {**leaky(0.01), "saturation_low_0.01": -INF, "saturation_low_0.1": 0},
    "leaky_relu_tenth": {**leaky(0.1), "saturation_low_0.01": -INF},
    "prelu": {**leaky(0.25), "learnable": "weight"},
    # The slope is the mean of 1/8 and 1/3.
    "rrelu": {**leaky(11 / 48), "stochastic": "in training"},
    # E[z^2; 0 < z < 6] = (1/2 - Phi(-6)) - 6 phi(6), and 36 beyond.
    "relu6": {**LINE, **bounded(0, 6, "closed"), "num_kinks": 2, "kink_place": 0, "kink_place:1": 6, "kink_jump:1": -1,
              "second_moment": 0.5 - Phi(-6) - 6 * phi(6) + 36 * Phi(-6), "saturation_low_0.01": 0,
              "saturation_high_0.01": 6, "derivative_second_moment": 0.5 - Phi(-6), "derivative_monotonic": "no"},
    "elu": {**elu(1), **one_kink(1, 0, order=2), "num_kinks": 0, "derivative_monotonic": "non-decreasing"},
    # f' goes from alpha to 1 at 0: a jump of 1 - alpha.
    "elu alpha=0.5": {**elu(0.5), **one_kink(0.5, 1), "derivative_monotonic": "non-decreasing"},
    "elu_half": {**elu(0.5), **one_kink(0.5, 1), "derivative_monotonic": "non-decreasing"},
    "elu alpha=2.0": {**elu(2), **one_kink(2, 1), "derivative_monotonic": "no"},
    # alpha and scale were chosen so that E f = 0 and E f^2 = 1.
    "selu": {"kink_slope_left": SELU_SCALE * SELU_ALPHA, "kink_slope_right": SELU_SCALE, "kink_value": 0,
             **elu(SELU_ALPHA, SELU_SCALE), **one_kink(SELU_SCALE * SELU_ALPHA, SELU_SCALE), "mean": 0, "gain": 1,
             "second_moment": 1, "sup_derivative_low": 0, "sup_derivative_high": 0},
    # alpha (e^(z/alpha) - 1) has slope e^(z/alpha), 1 at 0 for every alpha; f'' jumps from 1/alpha to 0.
    "celu alpha=0.5": {"kink_slope_left": 1, "kink_slope_right": 1,
                       **one_kink(2, 0, order=2), "num_kinks": 0, "range_inf": -0.5, "sup_derivative": 1,
                       "mean": phi(0) + 0.5 * (EXP2 - 0.5), "saturation_low_0.01": 0.5 * math.log(0.01),
                       "second_moment": 0.5 + 0.25 * (EXP4 - 2 * EXP2 + 0.5), "derivative_second_moment": 0.5 + EXP4},
    # Stein: E z Phi = E phi = 1 / (2 sqrt(pi)); E z^2 Phi^2 = E Phi^2 + 2 E z Phi phi = 1/3 + 1/(2 pi sqrt(3));
    # E (Phi + z phi)^2 = 1/3 + 1/(2 pi sqrt(3)) + E z^2 phi^2, the last 1/(6 pi sqrt(3)).
    "gelu": {**SMOOTH, **dip(GELU_MIN, GELU_MIN * Phi(GELU_MIN)), "sup_derivative": GELU_SUP,
             "sup_derivative_low": math.sqrt(2), "saturation_low_0.01": tail(gelu_slope, GELU_SUP),
             "tail_slope_low": 0, "tail_slope_high": 1 / GELU_SUP,
             **moments(0.5 / math.sqrt(math.pi), 1 / 3 + 1 / (2 * math.pi * math.sqrt(3)),
                       1 / 3 + (1 + 1 / 3) / (2 * math.pi * math.sqrt(3))), **lines((0, 0), (1, 0))},
    # z s(1.702 z) = silu(1.702 z) / 1.702.
    "gelu_sigmoid": {**SMOOTH, **dip(-(1 + W) / 1.702, -W / 1.702), "sup_derivative": SILU_SUP,
                     "sup_derivative_low": SILU_STEEPEST / 1.702,
                     "saturation_low_0.01": tail(silu_slope, SILU_SUP) / 1.702},
    # silu' = 0 where 1 + z / (1 + e^z) = 0, that is (-1 - z) e^(-1 - z) = 1/e: z = -1 - W(1/e), and f = 1 + z there.
    "silu": {**SMOOTH, **dip(-1 - W, -W), "sup_derivative": SILU_SUP, "sup_derivative_low": SILU_STEEPEST,
             "saturation_low_0.01": tail(silu_slope, SILU_SUP),
             "saturation_low_0.001": tail(silu_slope, SILU_SUP, 0.001),
             "mean": expectation(lambda z: z * sigmoid(z)),
             "second_moment": expectation(lambda z: (z * sigmoid(z)) ** 2)},
    # swish_beta(z) = silu(beta z) / beta.
    "swish beta=2.0": {**dip((-1 - W) / 2, -W / 2), "sup_derivative": SILU_SUP,
                       "sup_derivative_low": SILU_STEEPEST / 2},
    "swish_learnable": {**SMOOTH, **dip(-1 - W, -W), "learnable": "beta"},
    "mish": {**SMOOTH, **dip(MISH_MIN, MISH_MIN * math.tanh(softplus(MISH_MIN))),
             "sup_derivative": mish_slope(MISH_STEEPEST),
             "saturation_low_0.01": tail(mish_slope, mish_slope(MISH_STEEPEST)),
             "mean": expectation(lambda z: z * math.tanh(softplus(z))),
             "second_moment": expectation(lambda z: (z * math.tanh(softplus(z))) ** 2)},
    "serf": {**SMOOTH, **dip(SERF_MIN, SERF_MIN * math.erf(softplus(SERF_MIN))),
             "sup_derivative": serf_slope(SERF_STEEPEST),
             "saturation_low_0.01": tail(serf_slope, serf_slope(SERF_STEEPEST))},
    "sigmoid": {**SMOOTH, **bounded(0, 1, "open"), "num_zeros": 0, "sup_derivative": 0.25, "sup_derivative_low": 0,
                **symmetric_saturation(lambda epsilon: -sigmoid_end(epsilon)), "monotonic": "non-decreasing",
                "derivative_monotonic": "no", "mean": 0.5, "second_moment": SIGMOID2,
                "derivative_second_moment": expectation(lambda z: (sigmoid(z) * sigmoid(-z)) ** 2)},
    "tanh": {**SMOOTH, **bounded(-1, 1, "open"), "zero_low": 0, "sup_derivative": 1, **symmetric_saturation(tanh_end),
             **moments(0, TANH2, expectation(lambda z: (1 - math.tanh(z) ** 2) ** 2)), **lines((0, -1), (0, 1))},
    # 1 / (1 + |z|)^2 = epsilon; f'' = -2 sign(z) / (1 + |z|)^3 jumps from 2 to -2 at 0.
    "softsign": {**one_kink(2, -2, order=2), **bounded(-1, 1, "open"), "sup_derivative": 1, "num_kinks": 0,
                 **symmetric_saturation(lambda epsilon: epsilon**-0.5 - 1), **lines((0, -1), (0, 1)),
                 "second_moment": 2 * quad(lambda z: (z / (1 + z)) ** 2 * phi(z), 0, 12, epsabs=1e-14)[0]},
    # E[z^2; |z| < 1] = 2 Phi(1) - 1 - 2 phi(1), and 1 outside with probability 2 Phi(-1): together 1 - 2 phi(1).
    "hardtanh": {**LINE, **bounded(-1, 1, "closed"), "num_kinks": 2, "kink_place": -1, "kink_place:1": 1,
                 **moments(0, 1 - 2 * phi(1), 2 * Phi(1) - 1), **symmetric_saturation(lambda epsilon: 1),
                 "sup_derivative_low": -1, "sup_derivative_high": 1},
    # f is z between the limits, so sup|f'| is 1 and the thresholds are the limits.
    "hardtanh min_val=-2.0 max_val=0.5": {**bounded(-2, 0.5, "closed"), "saturation_low_0.01": -2,
                                          "saturation_high_0.01": 0.5, "kink_place": -2, "kink_place:1": 0.5},
    # (f - 1/2)^2 is z^2/36 inside |z| < 3 and 1/4 outside; E[z^2; |z| < 3] = INSIDE3 - 6 phi(3).
    "hardsigmoid": {**bounded(0, 1, "closed"), "zero_low": -INF, "zero_high": -3, "sup_derivative": SIXTH,
                    "kink_place": -3, "kink_place:1": 3, **symmetric_saturation(lambda epsilon: 3), "mean": 0.5,
                    "second_moment": 0.25 + (INSIDE3 - 6 * phi(3)) / 36 + Phi(-3) / 2,
                    "num_derivative_kinks": NOT_DETERMINED, "derivative_second_moment": SIXTH**2 * INSIDE3},
    # (z^2 + 3z)/6 inside |z| < 3: least at -3/2, slope (2z + 3)/6 from -1/2 to 3/2; Stein: E f = E (1/6; |z| < 3).
    "hardswish": {"range_inf": -0.375, "range_inf:text": "closed", "extremum_low": -1.5, "sup_derivative": 1.5,
                  "sup_derivative_low": 3, "mean": INSIDE3 / 6, "kink_left": 0, "kink_right": -0.5, "kink_left:1": 1.5,
                  "kink_right:1": 1, "zero_low": -INF, "zero_high": -3, "zero_low:1": 0, "saturation_low_0.01": -3,
                  "saturation_high_0.01": INF, "monotonic": "no"},
    # softplus' = sigmoid: sup 1 in the limit, sigmoid = epsilon at logit(epsilon); the switch to z at 20 is a jump of
    # -log(1 + e^-20), far below what float32 resolves at 20.
    "softplus": {**SMOOTH, "range_inf": 0, "range_inf:text": "open", "num_zeros": 0, "sup_derivative": 1,
                 "sup_derivative_low": INF, "saturation_low_0.01": logit(0.01), "saturation_low_0.1": logit(0.1),
                 **moments(SOFTPLUS, expectation(lambda z: softplus(z) ** 2), SIGMOID2), **lines((0, 0), (1, 0)),
                 "seam_place": 20, "seam_jump": -math.log1p(math.exp(-20)), "derivative_monotonic": "non-decreasing"},
    # With threshold 3 and beta 5 the switch is at 0.6 and float32 resolves it: f jumps by -log(1 + e^-3) / 5.
    "softplus beta=5.0 threshold=3.0": {"num_jumps": 1, "kink_place": 0.6, "continuity": -1, "kink_right": 0.6,
                                        "kink_jump": -math.log1p(math.exp(-3)) / 5},
    # log sigmoid(z) = -softplus(-z), without torch's threshold.
    "logsigmoid": {**SMOOTH, "range_sup": 0, "range_sup:text": "open", "saturation_high_0.01": -logit(0.01),
                   **moments(-SOFTPLUS, expectation(lambda z: softplus(z) ** 2), SIGMOID2), **lines((1, 0), (0, 0)),
                   "sup_derivative_low": -INF, "derivative_monotonic": "non-increasing"},
    # E[z^2; |z| > 1/2] = 2 (phi(1/2)/2 + Phi(-1/2)); |f'| is 0 inside and 1 in both tails, which never saturate.
    "hardshrink": {"kink_slope_left": 1, "kink_slope_right": 0,
                   "num_jumps": 2, "kink_place": -0.5, "kink_place:1": 0.5, "kink_jump": 0.5, "continuity": -1,
                   **moments(0, phi(0.5) + 2 * Phi(-0.5), 2 * Phi(-0.5)), "zero_low": -0.5, "zero_high": 0.5,
                   "saturation_low_0.1": -INF, "saturation_high_0.1": INF, "monotonic": "non-decreasing"},
    # E (z - l)^2 above l is (1 + l^2) Phi(-l) - l phi(l); twice that, with l = 1/2.
    "softshrink": {**LINE, "num_kinks": 2, "kink_place": -0.5, "kink_left": 1, "kink_right": 0, "zero_low": -0.5,
                   "zero_high": 0.5, **moments(0, 2 * (1.25 * Phi(-0.5) - 0.5 * phi(0.5)), 2 * Phi(-0.5)),
                   **lines((1, 0.5), (1, -0.5))},
    # Stein: E z tanh = 1 - T with T = E tanh^2, so E (z - tanh)^2 = 1 - 2 (1 - T) + T; f' = tanh^2.
    "tanhshrink": {**LINE, **SMOOTH, **moments(0, 3 * TANH2 - 1, expectation(lambda z: math.tanh(z) ** 4)),
                   **lines((1, 1), (1, -1)), "num_zeros": 1, "zero_low": 0, "saturation_low_0.1": -INF},
    # E z = phi(1) above 1, E z^2 = phi(1) + Phi(-1).
    "threshold": {"kink_slope_left": 0, "kink_slope_right": 1,
                  "num_jumps": 1, "kink_place": 1, "kink_left": 0, "kink_right": 1, "range_inf": 0, "zero_low": -INF,
                  "zero_high": 1, **moments(phi(1), phi(1) + Phi(-1), Phi(-1)), "saturation_low_0.01": 1,
                  "range_inf:text": "closed", "derivative_monotonic": "non-decreasing"},
    # E z^2 = 1/2, E z^4 = 3/2, E 4 z^2 = 2 on the positive half; sup|f'| is infinite, so 2 z = epsilon sqrt(2).
    "squared_relu": {**one_kink(0, 2, order=2), **moments(0.5, 1.5, 2), "sup_derivative": INF,
                     "saturation_low_0.01": 0.01 / math.sqrt(2), "saturation_low_0.1": 0.1 / math.sqrt(2),
                     "saturation_high_0.1": INF, "asymptote_right": "none", "zero_high": 0},
    # scale^2 = 4/5, so E f'^2 = 8/5; scale z^2 = 1/sqrt(5) at z^2 = 1/2.
    "star_relu": {**one_kink(0, 4 / math.sqrt(5), order=2), **moments(0, 1, 1.6), "num_zeros": 1,
                  "zero_low": math.sqrt(0.5), "range_inf": -1 / math.sqrt(5), "range_inf:text": "closed",
                  "learnable": "scale, bias"},
    # a (1 - t^2) = epsilon on the left; E f^2 = (1 + a^2) T / 2.
    "penalized_tanh": {**one_kink(0.25, 1), **bounded(-0.25, 1, "open"), "sup_derivative_low": 0,
                       "saturation_low_0.01": -tanh_end(0.04), "saturation_high_0.01": tanh_end(0.01),
                       "second_moment": (1 + 0.25**2) / 2 * TANH2},
    "lisht": {**SMOOTH, **dip(0, 0), "sup_derivative": LISHT, "sup_derivative_low": -LISHT,
              "sup_derivative_low:1": LISHT, "mean": 1 - TANH2, **lines((-1, 0), (1, 0))},
    # sin^2 = (1 - cos 2z)/2 and E cos(cz) = e^(-c^2/2); sin^4 = (3 - 4 cos 2z + cos 4z)/8; f' = 1 + sin 2z.
    "snake": {**SMOOTH, "sup_derivative": 2, "monotonic": "non-decreasing", "derivative_monotonic": "no",
              **moments((1 - math.exp(-2)) / 2, 1 + (3 - 4 * math.exp(-2) + math.exp(-8)) / 8,
                        1 + (1 - math.exp(-8)) / 2), "asymptote_left": "none", "asymptote_right": "none",
              "sup_derivative_low": NOT_DETERMINED, "saturation_low_0.1": -INF, "saturation_high_0.1": INF},
    # f' = (z + 1)/2 inside |z| < 1, f'' = 1/2; E[z^2; |z| < 1] = I - 2 phi(1), E[z^4; |z| < 1] = 3 I - 8 phi(1).
    "smelu": {"num_kinks": 0, "num_derivative_kinks": 2, "continuity": 1, "kink_place": -1, "kink_left": 0,
              "kink_right": 0.5, "kink_place:1": 1, "kink_left:1": 0.5, "kink_right:1": 0, "zero_low": -INF,
              "zero_high": -1, "range_inf": 0, "range_inf:text": "closed", "sup_derivative": 1,
              "sup_derivative_low": 1, "saturation_low_0.01": -0.98, "saturation_low_0.1": -0.8,
              "saturation_high_0.01": INF, "derivative_monotonic": "non-decreasing", **lines((0, 0), (1, 0)),
              **moments((INSIDE1 + phi(1)) / 2, (10 * INSIDE1 - 20 * phi(1)) / 16 + phi(1) + Phi(-1),
                        (INSIDE1 - phi(1)) / 2 + Phi(-1))},
    # f^2 = (2 z^2 + 4 + 2 z sqrt(z^2 + 4)) / 4, the last term odd; z / sqrt(z^2 + 4) = 2 epsilon - 1 at the threshold.
    "squareplus": {**SMOOTH, "range_inf": 0, "range_inf:text": "open", "num_zeros": 0, "sup_derivative": 1,
                   "sup_derivative_low": INF, "saturation_low_0.01": squareplus_end(0.01),
                   "saturation_low_0.1": squareplus_end(0.1), "derivative_monotonic": "non-decreasing",
                   **moments(expectation(lambda z: math.sqrt(z * z + 4) / 2), 1.5,
                             (1 + expectation(lambda z: z * z / (z * z + 4))) / 4), **lines((0, 0), (1, 0))},
    "telu": {**SMOOTH, **dip(TELU_MIN, TELU_MIN * math.tanh(math.exp(TELU_MIN))),
             "sup_derivative": telu_slope(TELU_STEEPEST), **lines((0, 0), (1, 0)),
             "saturation_low_0.01": tail(telu_slope, telu_slope(TELU_STEEPEST)),
             "mean": expectation(lambda z: z * math.tanh(math.exp(z)))},
    # Below 0 f' = 0.8 e^z - 0.3, f'' = 0.8 e^z; above 0 f' = 1.6 z + 0.5; E[z; z < 0] = -phi(0).
    "xielu": {**one_kink(0.8, 1.6, order=2), "num_kinks": 0, "extremum_low": XIELU_MIN, "num_zeros": 2,
              "zero_low": root(lambda z: 0.8 * math.expm1(z) - 0.3 * z, -5, -1.5), "zero_low:1": 0,
              "range_inf": -0.5 - 0.3 * XIELU_MIN, "range_inf:text": "closed", "sup_derivative": INF,
              "asymptote_left_slope": -0.3, "asymptote_left_intercept": -0.8, "asymptote_right": "none",
              "mean": 0.4 + 0.5 * phi(0) + 0.8 * (EXP1 - 0.5) + 0.3 * phi(0), "learnable": "alpha_p, alpha_n",
              "monotonic": "no", "derivative_monotonic": "non-decreasing"},
    # P/Q tends to (a5/b4) z + a4/b4; the zeros are P's, here its real roots.
    "rational": {**SMOOTH, **lines((0.1521 / 0.3012, 0.9306 / 0.3012), (0.1521 / 0.3012, 0.9306 / 0.3012)),
                 "num_zeros": 3, "learnable": "numerator, denominator", "monotonic": "no", "range_inf": -INF},
    "binary_step": {"num_jumps": 1, "kink_place": 0, "kink_jump": 1, "continuity": -1, **moments(0.5, 0.5, 0),
                    **bounded(0, 1, "closed"), "sup_derivative": 0, "saturation_low_0.1": 0, "saturation_high_0.1": 0,
                    "monotonic": "non-decreasing", "derivative_monotonic": "constant"},
    # Backward is the identity's: f' = 1 though f jumps.
    "binary_step_straight_through": {"num_jumps": 1, **moments(0.5, 0.5, 1), "sup_derivative": 1,
                                     "saturation_low_0.1": -INF, "saturation_high_0.1": INF},
}  # fmt: skip
