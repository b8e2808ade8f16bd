/* Minibatches as the CPU has them. */

struct from_lanes_arguments {
    const float *blocks;
    float *y;
    size len, row;
};

/* y[n][v] = blocks[n / 16][v][n % 16] */
KERNEL(from_lanes)
{
    EACH(i, arg.len)
    {
        const unsigned n = i / (unsigned)arg.row, v = i % (unsigned)arg.row;
        arg.y[i] = arg.blocks[(n / 16 * arg.row + v) * 16 + n % 16];
    }
}
