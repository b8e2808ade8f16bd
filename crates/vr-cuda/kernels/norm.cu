/* Batch norm, y = activation(gamma * (x - mean) / sqrt(var + eps) + beta + residual), over tensors [N][C][P].
 *
 * A channel's values, counted sample by sample, are cut into chunks; one block sums one chunk of one channel, and the chunks are put
 * together in order. */

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
    EACH_LANE(lane, LANES)
    {
        double sum = 0.0, square = 0.0;
        for (unsigned start = first + lane; start < end; start += RUN * LANES) {
            float run = 0.0f, run_of_squares = 0.0f;
            for (unsigned j = start; j < least(end, start + RUN * LANES); j += LANES) {
                const float d = x[place(j, positions, arg.x_pitch)] - center;
                run += d;
                run_of_squares = fmaf(d, d, run_of_squares);
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
    EACH(i, arg.len)
    {
        const unsigned c = i % (unsigned)arg.row / (unsigned)arg.positions;
        float v = fmaf(arg.scale[c], arg.x[place(i, arg.row, arg.x_pitch)], arg.shift[c]);
        if (arg.residual)
            v += arg.residual[place(i, arg.row, arg.residual_pitch)];
        arg.y[place(i, arg.row, arg.y_pitch)] = activated(arg.activation, v);
    }
}

/* The gradient dz of what went into the activation. Without y, which a residual needs, it is computed again from x. */
FUNCTION float before_activation(size activation, float x, const float *y, float scale, float shift, float dy)
{
    if (activation == 0)
        return dy;
    return activation_gradient(activation, y ? *y : activated(activation, fmaf(scale, x, shift)), dy);
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
    EACH_LANE(lane, LANES)
    {
        double sum = 0.0, product = 0.0;
        for (unsigned start = first + lane; start < end; start += RUN * LANES) {
            float run = 0.0f, run_of_products = 0.0f;
            for (unsigned j = start; j < least(end, start + RUN * LANES); j += LANES) {
                const float x = arg.x[offset + place(j, positions, arg.x_pitch)];
                const float *y = arg.y ? arg.y + offset + place(j, positions, arg.y_pitch) : arg.y;
                const float dy = arg.dy[offset + place(j, positions, arg.dy_pitch)];
                const float dz = before_activation(arg.activation, x, y, scale, shift, dy);
                run += dz;
                run_of_products = fmaf(dz, x - center, run_of_products);
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
    EACH(i, arg.len)
    {
        const unsigned c = i % (unsigned)arg.row / (unsigned)arg.positions;
        const float x = arg.x[place(i, arg.row, arg.x_pitch)], dy = arg.dy[place(i, arg.row, arg.dy_pitch)];
        const float *y = arg.y ? arg.y + place(i, arg.row, arg.y_pitch) : arg.y;
        const float dz = before_activation(arg.activation, x, y, arg.scale[c], arg.shift[c], dy);
        const float *map = arg.map + 4 * c;
        const float gradient = fmaf(map[0], dz, fmaf(map[1], x - map[2], map[3]));
        if (arg.dresidual) {
            float *dresidual = arg.dresidual + place(i, arg.row, arg.dresidual_pitch);
            *dresidual = arg.add_dresidual ? *dresidual + dz : dz;
        }
        float *dx = arg.dx + place(i, arg.row, arg.dx_pitch);
        *dx = arg.add_dx ? *dx + gradient : gradient;
    }
}
