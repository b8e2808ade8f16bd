/* Four neighbouring numbers at once: one access to memory, and one computation of where they lie. */

struct ALIGNED quad {
    float at[4];
};

/* How many neighbours of a tensor's channel can be taken at once, 4 or 1: whether channels, samples and the first element allow it. A tensor
 * that is absent allows it. */
FUNCTION unsigned width_of(const void *first, size pitch, size positions)
{
    if (!first)
        return 4;
    return ((size)first / 4 | pitch | positions) % 4 == 0 ? 4 : 1;
}

FUNCTION struct quad load(const float *from, unsigned width)
{
    struct quad quad = {{0.0f, 0.0f, 0.0f, 0.0f}};
    if (width == 4)
        quad = *(const struct quad *)from;
    else
        quad.at[0] = *from;
    return quad;
}

FUNCTION void store(float *to, struct quad quad, unsigned width)
{
    if (width == 4)
        *(struct quad *)to = quad;
    else
        *to = quad.at[0];
}

/* Adds to what is there, or replaces it. */
FUNCTION void store_or_add(float *to, struct quad quad, unsigned width, size add)
{
    if (add) {
        const struct quad old = load(to, width);
        for (unsigned k = 0; k < 4; k++)
            quad.at[k] = old.at[k] + quad.at[k];
    }
    store(to, quad, width);
}

/* Values `j` to before `least(j + 4, end)` of a channel, counted sample by sample, and zeros after them. `width` is 4 only if both j and the
 * channel's values come in fours. */
FUNCTION struct quad load_channel(const float *x, unsigned j, unsigned end, size positions, size pitch, unsigned width)
{
    if (width == 4)
        return load(x + place(j, positions, pitch), 4);
    struct quad quad = {{0.0f, 0.0f, 0.0f, 0.0f}};
    for (unsigned k = 0; k < least(4, end - j); k++)
        quad.at[k] = x[place(j + k, positions, pitch)];
    return quad;
}
