/* SPDX-License-Identifier: GPL-3.0-or-later */
/* enum nn_activation of compute/nn/nn.h, chosen by a specialization constant. */

#define IDENTITY 0u
#define GELU 1u
#define GELU_TANH 2u
#define QUICK_GELU 3u
#define RELU 4u
#define RELU6 5u
#define SILU 6u
#define SIGMOID 7u
#define TANH 8u

/* Abramowitz and Stegun 7.1.26; its error is below 1.5e-7. */
vec4
error_function(vec4 x)
{
  vec4 a = abs(x), t = 1.0 / (1.0 + 0.3275911 * a);
  vec4 series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));

  return sign(x) * (1.0 - series * exp(-a * a));
}

/* Right for any x: exp() may overflow to infinity or vanish, not turn into a NaN. */
vec4
sigmoid(vec4 x)
{
  return 1.0 / (1.0 + exp(-x));
}

vec4
hyperbolic_tangent(vec4 x)
{
  return 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
}

vec4
activate(vec4 x, uint activation)
{
  switch (activation) {
  case GELU:
    return 0.5 * x * (1.0 + error_function(x * 0.70710678));
  case GELU_TANH:
    return 0.5 * x * (1.0 + hyperbolic_tangent(0.79788456 * (x + 0.044715 * x * x * x)));
  case QUICK_GELU:
    return x * sigmoid(1.702 * x);
  case RELU:
    return max(x, vec4(0.0));
  case RELU6:
    return clamp(x, vec4(0.0), vec4(6.0));
  case SILU:
    return x * sigmoid(x);
  case SIGMOID:
    return sigmoid(x);
  case TANH:
    return hyperbolic_tangent(x);
  default:
    return x;
  }
}
