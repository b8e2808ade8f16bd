/* Biases of convolutions and linear layers. */

struct add_bias_arguments {
    float *y;
    const float *bias;
    size len, channels, positions;
};

/* y[n][c][p] += bias[c] */
KERNEL(add_bias)
{
    EACH(i, arg.len)
    {
        const unsigned c = i / (unsigned)arg.positions % (unsigned)arg.channels;
        arg.y[i] += arg.bias[c];
    }
}
