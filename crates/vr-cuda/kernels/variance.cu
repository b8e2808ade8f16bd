/* Welford's update of the means of gradients, of an estimator's directions and of control variates, and of the sums of their deviations. */

struct observe_variance_arguments {
    const float *gradient, *estimate, *reference;
    double *gradient_mean, *estimate_mean, *reference_mean, *parts;
    const unsigned *chunks;
    double weight;
    size blocks;
};

/* parts[chunk] += what one minibatch adds to the sums of deviations of: gradient, estimate, reference, gradient with reference, estimate
 * with reference. weight = 1 / the number of minibatches with this one. */
KERNEL(observe_variance)
{
    SHARED(double, gradients, LANES);
    SHARED(double, estimates, LANES);
    SHARED(double, references, LANES);
    SHARED(double, mixed, LANES);
    SHARED(double, left, LANES);
    const unsigned first = CHUNK_FIRST, len = CHUNK_LEN;
    EACH_LANE(lane, LANES)
    {
        gradients[lane] = 0.0;
        estimates[lane] = 0.0;
        references[lane] = 0.0;
        mixed[lane] = 0.0;
        left[lane] = 0.0;
        for (unsigned i = first + lane; i < first + len; i += LANES) {
            const double g = arg.gradient[i], v = arg.estimate[i];
            const double g_before = g - arg.gradient_mean[i], v_before = v - arg.estimate_mean[i];
            if (arg.reference) {
                const double r = arg.reference[i], r_before = r - arg.reference_mean[i];
                const double mean = arg.reference_mean[i] + r_before * arg.weight;
                arg.reference_mean[i] = mean;
                references[lane] += r_before * (r - mean);
                mixed[lane] += g_before * (r - mean);
                left[lane] += v_before * (r - mean);
            }
            const double g_mean = arg.gradient_mean[i] + g_before * arg.weight;
            const double v_mean = arg.estimate_mean[i] + v_before * arg.weight;
            arg.gradient_mean[i] = g_mean;
            arg.estimate_mean[i] = v_mean;
            gradients[lane] += g_before * (g - g_mean);
            estimates[lane] += v_before * (v - v_mean);
        }
    }
    ADD_LANES(gradients);
    ADD_LANES(estimates);
    ADD_LANES(references);
    ADD_LANES(mixed);
    ADD_LANES(left);
    EACH_LANE(lane, 1)
    {
        double *parts = arg.parts + 5 * BLOCK;
        parts[0] += gradients[0];
        parts[1] += estimates[0];
        parts[2] += references[0];
        parts[3] += mixed[0];
        parts[4] += left[0];
    }
}
