/* Scalar products of flat vectors, in double precision. */

struct dot_arguments {
    const float *x, *y;
    double *parts;
    const unsigned *chunks;
    size blocks;
};

/* parts[chunk] = the product of x and y */
KERNEL(dot)
{
    SHARED(double, sums, LANES);
    const unsigned first = CHUNK_FIRST, len = CHUNK_LEN;
    EACH_LANE(lane, LANES)
    {
        double sum = 0.0;
        for (unsigned i = first + lane; i < first + len; i += LANES)
            sum += (double)arg.x[i] * (double)arg.y[i];
        sums[lane] = sum;
    }
    ADD_LANES(sums);
    EACH_LANE(lane, 1) { arg.parts[BLOCK] = sums[0]; }
}

struct deviations_arguments {
    const float *gradient, *reference, *mean;
    double *parts;
    const unsigned *chunks;
    size blocks;
};

/* parts[chunk] = <y, y>, <d, y>, <d, d> with d = gradient - reference and y = reference - mean */
KERNEL(deviations)
{
    SHARED(double, yy, LANES);
    SHARED(double, dy, LANES);
    SHARED(double, dd, LANES);
    const unsigned first = CHUNK_FIRST, len = CHUNK_LEN;
    EACH_LANE(lane, LANES)
    {
        yy[lane] = 0.0;
        dy[lane] = 0.0;
        dd[lane] = 0.0;
        for (unsigned i = first + lane; i < first + len; i += LANES) {
            const double d = arg.gradient[i] - arg.reference[i], y = arg.reference[i] - arg.mean[i];
            yy[lane] += y * y;
            dy[lane] += d * y;
            dd[lane] += d * d;
        }
    }
    ADD_LANES(yy);
    ADD_LANES(dy);
    ADD_LANES(dd);
    EACH_LANE(lane, 1)
    {
        arg.parts[3 * BLOCK] = yy[0];
        arg.parts[3 * BLOCK + 1] = dy[0];
        arg.parts[3 * BLOCK + 2] = dd[0];
    }
}

struct sum_chunks_arguments {
    const double *parts;
    const unsigned *firsts;
    double *sums;
    size tensors, width;
};

/* sums[tensor] = the sum of its chunks' parts in order, each `width` numbers; firsts[tensor] = its first chunk, and the end of all */
KERNEL(sum_chunks)
{
    const unsigned width = arg.width;
    EACH(i, arg.tensors * width)
    {
        const unsigned tensor = i / width, k = i % width;
        double sum = 0.0;
        for (unsigned chunk = arg.firsts[tensor]; chunk < arg.firsts[tensor + 1]; chunk++)
            sum += arg.parts[(size)chunk * width + k];
        arg.sums[i] = sum;
    }
}
