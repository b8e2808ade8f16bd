/* Dropout, with the masks that vr-models draws. */

struct dropout_arguments {
    const float *x;
    float *y;
    const unsigned *key, *samples;
    double rate;
    size len, row, draw, add;
};

/* y = x * (0 with probability `rate`, else 1 / (1 - rate)), forward and, of gradients, backward. One draw makes four factors. */
KERNEL(dropout)
{
    const unsigned row = arg.row, quads = (row + 3) / 4;
    const float kept = (float)(1.0 / (1.0 - arg.rate));
    EACH(q, (unsigned)arg.len / row * quads)
    {
        const unsigned sample = q / quads, first = q % quads;
        const struct words words = words_of(arg.key, arg.samples[sample], 1u << 31 | ((unsigned)arg.draw + first));
        for (unsigned k = 0; k < least(4, row - 4 * first); k++) {
            const size i = (size)sample * row + 4 * first + k;
            const float factor = uniform(words.at[k]) < arg.rate ? 0.0f : kept;
            const float value = arg.x[i] * factor;
            arg.y[i] = arg.add ? arg.y[i] + value : value;
        }
    }
}
