/* Biases of convolutions and linear layers. */

struct add_bias_arguments {
    float *y;
    const float *bias;
    size len, row, positions, y_pitch;
};

/* y[n][c][p] += bias[c] */
KERNEL(add_bias)
{
    EACH(i, arg.len)
    {
        const unsigned c = i % (unsigned)arg.row / (unsigned)arg.positions;
        arg.y[place(i, arg.row, arg.y_pitch)] += arg.bias[c];
    }
}

struct channel_sums_arguments {
    const float *x;
    double *parts;
    size channels, count, positions, x_pitch, chunk, chunks;
};

/* parts[c][chunk] = the sum of a chunk of a channel's values */
KERNEL(channel_sums)
{
    SHARED(double, sums, LANES);
    const unsigned positions = arg.positions;
    const unsigned channel = BLOCK / (unsigned)arg.chunks, first = BLOCK % (unsigned)arg.chunks * (unsigned)arg.chunk;
    const unsigned end = least(first + (unsigned)arg.chunk, arg.count);
    const float *x = arg.x + (size)channel * positions;
    EACH_LANE(lane, LANES)
    {
        double sum = 0.0;
        for (unsigned j = first + lane; j < end; j += LANES)
            sum += (double)x[place(j, positions, arg.x_pitch)];
        sums[lane] = sum;
    }
    ADD_LANES(sums);
    EACH_LANE(lane, 1) { arg.parts[BLOCK] = sums[0]; }
}

struct channel_sums_fold_arguments {
    const double *parts;
    float *sums;
    size channels, chunks;
};

/* sums[c] = the sum of a channel's parts, in order */
KERNEL(channel_sums_fold)
{
    EACH(c, arg.channels)
    {
        double sum = 0.0;
        for (unsigned s = 0; s < (unsigned)arg.chunks; s++)
            sum += arg.parts[c * arg.chunks + s];
        arg.sums[c] = (float)sum;
    }
}
