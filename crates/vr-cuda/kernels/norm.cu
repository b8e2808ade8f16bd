/* Batch norm, y = activation(gamma * (x - mean) / sqrt(var + eps) + beta + residual), over tensors [N][C][P].
 *
 * A channel's values, counted sample by sample, are cut into chunks; one block sums one chunk of one channel, and the chunks are put
 * together in order. A lane takes every 256th four neighbouring values. */

/* Values that a lane adds in single precision before they join its sum in double precision. */
#define RUN 16

struct norm_moments_arguments {
    const float *x;
    double *parts;
    size channels, count, positions, x_pitch, chunk, chunks;
};

/* parts[c][chunk] = mean, and sum of squared deviations from it */
KERNEL(norm_moments)
{
    SHARED(double, sums, LANES);
    SHARED(double, squares, LANES);
    const unsigned positions = arg.positions;
    const unsigned channel = BLOCK / (unsigned)arg.chunks, first = BLOCK % (unsigned)arg.chunks * (unsigned)arg.chunk;
    const unsigned end = least(first + (unsigned)arg.chunk, arg.count);
    const float *x = arg.x + (size)channel * positions;
    /* Deviations from one of the values are small, so that nothing cancels. */
    const float center = x[place(first, positions, arg.x_pitch)];
    const unsigned width = width_of(x, arg.x_pitch, positions);
    EACH_LANE(lane, LANES)
    {
        double sum = 0.0, square = 0.0;
        for (unsigned start = first + 4 * lane; start < end; start += RUN * LANES) {
            /* Single precision for a run of a few values. */
            float run = 0.0f, run_of_squares = 0.0f;
            for (unsigned j = start; j < least(end, start + RUN * LANES); j += 4 * LANES) {
                const struct quad values = load_channel(x, j, end, positions, arg.x_pitch, width);
                for (unsigned k = 0; k < least(4, end - j); k++) {
                    const float d = values.at[k] - center;
                    run += d;
                    run_of_squares = fmaf(d, d, run_of_squares);
                }
            }
            sum += run;
            square += run_of_squares;
        }
        sums[lane] = sum;
        squares[lane] = square;
    }
    ADD_LANES(sums);
    ADD_LANES(squares);
    EACH_LANE(lane, 1)
    {
        const double mean = sums[0] / (double)(end - first), m2 = squares[0] - sums[0] * mean;
        arg.parts[2 * BLOCK] = (double)center + mean;
        arg.parts[2 * BLOCK + 1] = m2 < 0.0 ? 0.0 : m2;
    }
}

/* The affine map that batch norm is with these statistics. */
FUNCTION void set_norm(double mean, double variance, float gamma, float beta, double epsilon, float *scale, float *shift, double *center,
                       double *inv_std)
{
    *scale = (float)((double)gamma / sqrt(variance + epsilon));
    /* From the rounded scale, so that the mean still goes to beta. */
    *shift = (float)((double)beta - mean * (double)*scale);
    *center = mean;
    *inv_std = 1.0 / sqrt(variance + epsilon);
}

struct norm_fold_arguments {
    const double *parts;
    const float *gamma, *beta;
    double epsilon;
    size channels, count, chunk, chunks;
    float *scale, *shift;
    double *mean, *inv_std;
    float *batch_mean, *batch_variance;
};

/* Puts the chunks' moments together (Chan, Golub and LeVeque). */
KERNEL(norm_fold)
{
    EACH(c, arg.channels)
    {
        double count = 0.0, mean = 0.0, m2 = 0.0;
        for (unsigned s = 0; s < (unsigned)arg.chunks; s++) {
            const double *part = arg.parts + 2 * (c * arg.chunks + s);
            const double more = (double)least(arg.chunk, (unsigned)arg.count - s * (unsigned)arg.chunk);
            const double total = count + more, difference = part[0] - mean, share = more / total;
            mean = s == 0 ? part[0] : mean + difference * share;
            m2 = s == 0 ? part[1] : m2 + part[1] + difference * difference * (count * share);
            count = total;
        }
        set_norm(mean, m2 / count, arg.gamma[c], arg.beta[c], arg.epsilon, arg.scale + c, arg.shift + c, arg.mean + c, arg.inv_std + c);
        arg.batch_mean[c] = (float)mean;
        arg.batch_variance[c] = (float)(m2 / (count - 1.0));
    }
}

struct norm_stored_arguments {
    const float *stored_mean, *stored_variance, *gamma, *beta;
    double epsilon;
    size channels;
    float *scale, *shift;
    double *mean, *inv_std;
};

/* The map with stored statistics. */
KERNEL(norm_stored)
{
    EACH(c, arg.channels)
    {
        set_norm((double)arg.stored_mean[c], (double)arg.stored_variance[c], arg.gamma[c], arg.beta[c], arg.epsilon, arg.scale + c,
                 arg.shift + c, arg.mean + c, arg.inv_std + c);
    }
}

struct norm_forward_arguments {
    const float *x, *residual;
    const float *scale, *shift;
    float *y;
    size len, row, positions, x_pitch, residual_pitch, y_pitch, activation;
};

/* y = activation(scale * x + shift + residual) */
KERNEL(norm_forward)
{
    const unsigned width = least(least(width_of(arg.x, arg.x_pitch, arg.positions), width_of(arg.y, arg.y_pitch, arg.positions)),
                                 width_of(arg.residual, arg.residual_pitch, arg.positions));
    EACH(group, arg.len / width)
    {
        const unsigned i = group * width, c = i % (unsigned)arg.row / (unsigned)arg.positions;
        const float scale = arg.scale[c], shift = arg.shift[c];
        struct quad v = load(arg.x + place(i, arg.row, arg.x_pitch), width);
        for (unsigned k = 0; k < 4; k++)
            v.at[k] = fmaf(scale, v.at[k], shift);
        if (arg.residual) {
            const struct quad residual = load(arg.residual + place(i, arg.row, arg.residual_pitch), width);
            for (unsigned k = 0; k < 4; k++)
                v.at[k] += residual.at[k];
        }
        for (unsigned k = 0; k < 4; k++)
            v.at[k] = activated(arg.activation, v.at[k]);
        store(arg.y + place(i, arg.row, arg.y_pitch), v, width);
    }
}

/* What came out of the activation, computed again from x. */
FUNCTION struct quad output_of(size activation, struct quad x, float scale, float shift)
{
    struct quad y;
    for (unsigned k = 0; k < 4; k++)
        y.at[k] = activated(activation, fmaf(scale, x.at[k], shift));
    return y;
}

struct norm_backward_sums_arguments {
    const float *x, *y, *dy;
    const float *scale, *shift;
    const double *mean;
    double *parts;
    size channels, count, positions, x_pitch, y_pitch, dy_pitch, chunk, chunks, activation;
};

/* parts[c][chunk] = sum of dz, and of dz * (x - mean rounded to single precision) */
KERNEL(norm_backward_sums)
{
    SHARED(double, sums, LANES);
    SHARED(double, products, LANES);
    const unsigned positions = arg.positions;
    const unsigned channel = BLOCK / (unsigned)arg.chunks, first = BLOCK % (unsigned)arg.chunks * (unsigned)arg.chunk;
    const unsigned end = least(first + (unsigned)arg.chunk, arg.count);
    const size offset = (size)channel * positions;
    const float scale = arg.scale[channel], shift = arg.shift[channel], center = (float)arg.mean[channel];
    const float *x_of = arg.x + offset, *y_of = arg.y ? arg.y + offset : arg.y, *dy_of = arg.dy + offset;
    const unsigned x_width = width_of(x_of, arg.x_pitch, positions), dy_width = width_of(dy_of, arg.dy_pitch, positions);
    const unsigned y_width = width_of(y_of, arg.y_pitch, positions);
    EACH_LANE(lane, LANES)
    {
        double sum = 0.0, product = 0.0;
        for (unsigned start = first + 4 * lane; start < end; start += RUN * LANES) {
            float run = 0.0f, run_of_products = 0.0f;
            for (unsigned j = start; j < least(end, start + RUN * LANES); j += 4 * LANES) {
                const struct quad x = load_channel(x_of, j, end, positions, arg.x_pitch, x_width);
                const struct quad dy = load_channel(dy_of, j, end, positions, arg.dy_pitch, dy_width);
                const struct quad y = y_of ? load_channel(y_of, j, end, positions, arg.y_pitch, y_width)
                                           : output_of(arg.activation, x, scale, shift);
                for (unsigned k = 0; k < least(4, end - j); k++) {
                    const float dz = activation_gradient(arg.activation, y.at[k], dy.at[k]);
                    run += dz;
                    run_of_products = fmaf(dz, x.at[k] - center, run_of_products);
                }
            }
            sum += run;
            product += run_of_products;
        }
        sums[lane] = sum;
        products[lane] = product;
    }
    ADD_LANES(sums);
    ADD_LANES(products);
    EACH_LANE(lane, 1)
    {
        arg.parts[2 * BLOCK] = sums[0];
        arg.parts[2 * BLOCK + 1] = products[0];
    }
}

struct norm_backward_fold_arguments {
    const double *parts;
    const float *gamma, *scale;
    const double *mean, *inv_std;
    size channels, count, chunks, training;
    float *dgamma, *dbeta, *map;
};

/* The gradients of gamma and beta, and the map from dz and x to dx = map[0] * dz + map[1] * (x - map[2]) + map[3]. */
KERNEL(norm_backward_fold)
{
    EACH(c, arg.channels)
    {
        double dz = 0.0, product = 0.0;
        for (unsigned s = 0; s < (unsigned)arg.chunks; s++) {
            dz += arg.parts[2 * (c * arg.chunks + s)];
            product += arg.parts[2 * (c * arg.chunks + s) + 1];
        }
        const double mean = arg.mean[c], inv_std = arg.inv_std[c], center = (double)(float)mean;
        /* Deviations from the rounded mean become those from the mean. */
        const double dz_normal = (product + (center - mean) * dz) * inv_std;
        arg.dgamma[c] = (float)dz_normal;
        arg.dbeta[c] = (float)dz;
        float *map = arg.map + 4 * c;
        map[0] = arg.scale[c];
        map[1] = 0.0f;
        map[2] = 0.0f;
        map[3] = 0.0f;
        if (arg.training) {
            const double factor = (double)arg.gamma[c] * inv_std;
            const double slope = -factor * inv_std * (dz_normal / (double)arg.count);
            map[0] = (float)factor;
            map[1] = (float)slope;
            map[2] = (float)mean;
            map[3] = (float)(slope * (center - mean) - factor * (dz / (double)arg.count));
        }
    }
}

struct norm_backward_arguments {
    const float *x, *y, *dy;
    const float *scale, *shift, *map;
    float *dx, *dresidual;
    size len, row, positions, x_pitch, y_pitch, dy_pitch, dx_pitch, dresidual_pitch, activation, add_dx, add_dresidual;
};

/* dx from dz, and dz itself, which is the residual's gradient. */
KERNEL(norm_backward)
{
    const size positions = arg.positions;
    const unsigned read = least(least(width_of(arg.x, arg.x_pitch, positions), width_of(arg.dy, arg.dy_pitch, positions)),
                                width_of(arg.y, arg.y_pitch, positions));
    const unsigned written = least(width_of(arg.dx, arg.dx_pitch, positions), width_of(arg.dresidual, arg.dresidual_pitch, positions));
    const unsigned width = least(read, written);
    EACH(group, arg.len / width)
    {
        const unsigned i = group * width, c = i % (unsigned)arg.row / (unsigned)positions;
        const float *map = arg.map + 4 * c;
        const struct quad x = load(arg.x + place(i, arg.row, arg.x_pitch), width);
        const struct quad dy = load(arg.dy + place(i, arg.row, arg.dy_pitch), width);
        const struct quad y = arg.y ? load(arg.y + place(i, arg.row, arg.y_pitch), width)
                                    : output_of(arg.activation, x, arg.scale[c], arg.shift[c]);
        struct quad dz, dx;
        for (unsigned k = 0; k < 4; k++) {
            dz.at[k] = activation_gradient(arg.activation, y.at[k], dy.at[k]);
            dx.at[k] = fmaf(map[0], dz.at[k], fmaf(map[1], x.at[k] - map[2], map[3]));
        }
        if (arg.dresidual)
            store_or_add(arg.dresidual + place(i, arg.row, arg.dresidual_pitch), dz, width, arg.add_dresidual);
        store_or_add(arg.dx + place(i, arg.row, arg.dx_pitch), dx, width, arg.add_dx);
    }
}
