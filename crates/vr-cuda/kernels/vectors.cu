/* Flat vectors: the arithmetic of estimators. */

struct combine_arguments {
    const float *gradient, *reference, *mean, *alphas;
    float *out;
    const unsigned *chunks;
    size blocks;
};

/* out = (g - alpha * r) + alpha * m, alpha of each tensor; alpha = 0 gives g to the bit */
KERNEL(combine)
{
    const unsigned first = CHUNK_FIRST;
    const float alpha = arg.alphas[CHUNK_TENSOR];
    EACH_LANE(k, CHUNK_LEN)
    {
        const unsigned i = first + k;
        const float g = arg.gradient[i];
        arg.out[i] = alpha == 0.0f ? g : (g - alpha * arg.reference[i]) + alpha * arg.mean[i];
    }
}

struct combine_each_arguments {
    const float *gradient, *reference, *mean, *alphas;
    float *out;
    size len;
};

/* out = (g - alpha * r) + alpha * m, alpha of each coordinate */
KERNEL(combine_each)
{
    EACH(i, arg.len)
    {
        const float g = arg.gradient[i], alpha = arg.alphas[i];
        arg.out[i] = alpha == 0.0f ? g : (g - alpha * arg.reference[i]) + alpha * arg.mean[i];
    }
}

struct axpy_arguments {
    float *y;
    const float *x;
    double a;
    size len;
};

/* y += a * x */
KERNEL(axpy)
{
    EACH(i, arg.len) { arg.y[i] = arg.y[i] + (float)arg.a * arg.x[i]; }
}

struct average_in_arguments {
    float *y;
    const float *x;
    double keep;
    size len;
};

/* y = keep * y + (1 - keep) * x */
KERNEL(average_in)
{
    const float keep = (float)arg.keep, share = (float)(1.0 - arg.keep);
    EACH(i, arg.len) { arg.y[i] = keep * arg.y[i] + share * arg.x[i]; }
}

struct mean_add_arguments {
    double *sum;
    const float *x;
    double sign;
    size len;
};

/* sum += sign * x, in double precision */
KERNEL(mean_add)
{
    EACH(i, arg.len) { arg.sum[i] = arg.sum[i] + arg.sign * (double)arg.x[i]; }
}

struct mean_write_arguments {
    const double *sum;
    float *mean;
    double count;
    size len;
};

/* mean = sum / count, rounded once */
KERNEL(mean_write)
{
    EACH(i, arg.len) { arg.mean[i] = (float)(arg.sum[i] / arg.count); }
}
