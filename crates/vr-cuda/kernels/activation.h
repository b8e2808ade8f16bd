/* Activations: 0 none, 1 ReLU, 2 ELU. NaN passes through all of them. */

FUNCTION float activated(size kind, float v)
{
    if (kind == 1)
        return v <= 0.0f ? 0.0f : v;
    if (kind == 2)
        return v > 0.0f ? v : exponential_minus_1(v);
    return v;
}

/* The gradient of what went into an activation, from what came out, y, and its gradient dy. */
FUNCTION float activation_gradient(size kind, float y, float dy)
{
    if (kind == 1)
        return y <= 0.0f ? 0.0f : dy;
    if (kind == 2)
        return y > 0.0f ? dy : (y + 1.0f) * dy;
    return dy;
}
