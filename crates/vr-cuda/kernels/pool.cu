/* Pooling over windows of pictures [N][C][H][W]. */

/* Where element `i` of pictures [N][channels][height][width] lies. */
struct position {
    unsigned sample, channel, row, column;
};

FUNCTION struct position position_of(unsigned i, unsigned channels, unsigned height, unsigned width)
{
    struct position position;
    position.column = i % width;
    position.row = i / width % height;
    position.channel = i / (height * width) % channels;
    position.sample = i / (height * width) / channels;
    return position;
}

/* The windows along one axis that cover position `at`: from `first` to before `end`. */
struct windows {
    unsigned first, end;
};

FUNCTION struct windows covering(unsigned at, unsigned kernel, unsigned stride, unsigned padding, unsigned outputs)
{
    const unsigned padded = at + padding;
    struct windows windows;
    windows.first = padded < kernel ? 0 : (padded - kernel) / stride + 1;
    windows.end = least(padded / stride + 1, outputs);
    return windows;
}

/* The first position of a window's own along an axis that lies in the picture, and the end of them. */
FUNCTION unsigned window_first(unsigned window, unsigned stride, unsigned padding)
{
    return window * stride < padding ? 0 : window * stride - padding;
}

FUNCTION unsigned window_end(unsigned window, unsigned kernel, unsigned stride, unsigned padding, unsigned side)
{
    return least(window * stride + kernel, side + padding) - padding;
}

struct max_pool_arguments {
    const float *x;
    float *y;
    unsigned *chosen;
    size len, channels, height, width, out_height, out_width, kernel_height, kernel_width, stride_height, stride_width, padding_height,
        padding_width, x_pitch, y_pitch;
};

/* y = the largest value of each window, and `chosen` = where in its channel: the first of the largest, or the last NaN. */
KERNEL(max_pool)
{
    EACH(i, arg.len)
    {
        const struct position at = position_of(i, arg.channels, arg.out_height, arg.out_width);
        const float *x = arg.x + at.sample * arg.x_pitch + at.channel * arg.height * arg.width;
        const unsigned top = window_first(at.row, arg.stride_height, arg.padding_height);
        const unsigned left = window_first(at.column, arg.stride_width, arg.padding_width);
        const unsigned bottom = window_end(at.row, arg.kernel_height, arg.stride_height, arg.padding_height, arg.height);
        const unsigned right = window_end(at.column, arg.kernel_width, arg.stride_width, arg.padding_width, arg.width);
        unsigned chosen = top * (unsigned)arg.width + left;
        float best = x[chosen];
        for (unsigned h = top; h < bottom; h++) {
            for (unsigned w = left; w < right; w++) {
                const unsigned inside = h * (unsigned)arg.width + w;
                if (x[inside] > best || x[inside] != x[inside]) {
                    best = x[inside];
                    chosen = inside;
                }
            }
        }
        arg.y[place(i, arg.channels * arg.out_height * arg.out_width, arg.y_pitch)] = best;
        if (arg.chosen)
            arg.chosen[i] = chosen;
    }
}

struct max_pool_backward_arguments {
    const float *dy;
    const unsigned *chosen;
    float *dx;
    size len, channels, height, width, out_height, out_width, kernel_height, kernel_width, stride_height, stride_width, padding_height,
        padding_width, dy_pitch, dx_pitch, add;
};

/* dx = the gradients of the windows that chose this position, in order. */
KERNEL(max_pool_backward)
{
    EACH(i, arg.len)
    {
        const struct position at = position_of(i, arg.channels, arg.height, arg.width);
        const struct windows rows = covering(at.row, arg.kernel_height, arg.stride_height, arg.padding_height, arg.out_height);
        const struct windows columns = covering(at.column, arg.kernel_width, arg.stride_width, arg.padding_width, arg.out_width);
        const unsigned outputs = arg.out_height * arg.out_width;
        const float *dy = arg.dy + at.sample * arg.dy_pitch + at.channel * outputs;
        const unsigned *chosen = arg.chosen + (at.sample * arg.channels + at.channel) * outputs;
        float sum = 0.0f;
        for (unsigned row = rows.first; row < rows.end; row++)
            for (unsigned column = columns.first; column < columns.end; column++)
                if (chosen[row * arg.out_width + column] == at.row * (unsigned)arg.width + at.column)
                    sum += dy[row * arg.out_width + column];
        float *dx = arg.dx + place(i, arg.channels * arg.height * arg.width, arg.dx_pitch);
        *dx = arg.add ? *dx + sum : sum;
    }
}

struct mean_pool_arguments {
    const float *x;
    float *y;
    size len, channels, height, width, out_height, out_width, kernel_height, kernel_width, stride_height, stride_width, padding_height,
        padding_width, x_pitch, y_pitch;
};

/* y = the mean of each window, in which the padding counts as zeros. */
KERNEL(mean_pool)
{
    EACH(i, arg.len)
    {
        const struct position at = position_of(i, arg.channels, arg.out_height, arg.out_width);
        const float *x = arg.x + at.sample * arg.x_pitch + at.channel * arg.height * arg.width;
        const unsigned bottom = window_end(at.row, arg.kernel_height, arg.stride_height, arg.padding_height, arg.height);
        const unsigned right = window_end(at.column, arg.kernel_width, arg.stride_width, arg.padding_width, arg.width);
        float sum = 0.0f;
        for (unsigned h = window_first(at.row, arg.stride_height, arg.padding_height); h < bottom; h++)
            for (unsigned w = window_first(at.column, arg.stride_width, arg.padding_width); w < right; w++)
                sum += x[h * (unsigned)arg.width + w];
        const float share = 1.0f / (float)(arg.kernel_height * arg.kernel_width);
        arg.y[place(i, arg.channels * arg.out_height * arg.out_width, arg.y_pitch)] = sum * share;
    }
}

struct mean_pool_backward_arguments {
    const float *dy;
    float *dx;
    size len, channels, height, width, out_height, out_width, kernel_height, kernel_width, stride_height, stride_width, padding_height,
        padding_width, dy_pitch, dx_pitch, add;
};

/* dx = the shares of the windows that cover this position, in order. */
KERNEL(mean_pool_backward)
{
    EACH(i, arg.len)
    {
        const struct position at = position_of(i, arg.channels, arg.height, arg.width);
        const struct windows rows = covering(at.row, arg.kernel_height, arg.stride_height, arg.padding_height, arg.out_height);
        const struct windows columns = covering(at.column, arg.kernel_width, arg.stride_width, arg.padding_width, arg.out_width);
        const unsigned outputs = arg.out_height * arg.out_width;
        const float *dy = arg.dy + at.sample * arg.dy_pitch + at.channel * outputs;
        const float share = 1.0f / (float)(arg.kernel_height * arg.kernel_width);
        float sum = 0.0f;
        for (unsigned row = rows.first; row < rows.end; row++)
            for (unsigned column = columns.first; column < columns.end; column++)
                sum += dy[row * arg.out_width + column] * share;
        float *dx = arg.dx + place(i, arg.channels * arg.height * arg.width, arg.dx_pitch);
        *dx = arg.add ? *dx + sum : sum;
    }
}
