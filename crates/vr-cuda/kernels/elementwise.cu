/* Element by element. Samples have `row` elements and begin every `pitch` elements, so that a tensor may be some channels of a larger one. */

struct fill_arguments {
    float *y;
    double value;
    size len;
};

KERNEL(fill)
{
    EACH(i, arg.len) { arg.y[i] = (float)arg.value; }
}

struct copy_arguments {
    const float *x;
    float *y;
    size len, row, x_pitch, y_pitch, add;
};

/* y = x, or y += x */
KERNEL(copy)
{
    const unsigned width = least(width_of(arg.x, arg.x_pitch, arg.row), width_of(arg.y, arg.y_pitch, arg.row));
    EACH(group, arg.len / width)
    {
        const unsigned i = group * width;
        const struct quad x = load(arg.x + place(i, arg.row, arg.x_pitch), width);
        store_or_add(arg.y + place(i, arg.row, arg.y_pitch), x, width, arg.add);
    }
}

struct add_arguments {
    const float *a, *b;
    float *y;
    size len, row, a_pitch, b_pitch, y_pitch, activation;
};

/* y = activation(a + b) */
KERNEL(add)
{
    const unsigned width = least(least(width_of(arg.a, arg.a_pitch, arg.row), width_of(arg.b, arg.b_pitch, arg.row)),
                                 width_of(arg.y, arg.y_pitch, arg.row));
    EACH(group, arg.len / width)
    {
        const unsigned i = group * width;
        const struct quad a = load(arg.a + place(i, arg.row, arg.a_pitch), width);
        const struct quad b = load(arg.b + place(i, arg.row, arg.b_pitch), width);
        struct quad y;
        for (unsigned k = 0; k < 4; k++)
            y.at[k] = activated(arg.activation, a.at[k] + b.at[k]);
        store(arg.y + place(i, arg.row, arg.y_pitch), y, width);
    }
}

struct activate_arguments {
    const float *x;
    float *y;
    size len, row, x_pitch, y_pitch, activation;
};

/* y = activation(x) */
KERNEL(activate)
{
    const unsigned width = least(width_of(arg.x, arg.x_pitch, arg.row), width_of(arg.y, arg.y_pitch, arg.row));
    EACH(group, arg.len / width)
    {
        const unsigned i = group * width;
        struct quad y = load(arg.x + place(i, arg.row, arg.x_pitch), width);
        for (unsigned k = 0; k < 4; k++)
            y.at[k] = activated(arg.activation, y.at[k]);
        store(arg.y + place(i, arg.row, arg.y_pitch), y, width);
    }
}

struct activate_backward_arguments {
    const float *y, *dy;
    float *dx;
    size len, row, y_pitch, dy_pitch, dx_pitch, activation, add;
};

/* The gradient of x from that of y = activation(x). */
KERNEL(activate_backward)
{
    const unsigned width = least(least(width_of(arg.y, arg.y_pitch, arg.row), width_of(arg.dy, arg.dy_pitch, arg.row)),
                                 width_of(arg.dx, arg.dx_pitch, arg.row));
    EACH(group, arg.len / width)
    {
        const unsigned i = group * width;
        const struct quad y = load(arg.y + place(i, arg.row, arg.y_pitch), width);
        struct quad dx = load(arg.dy + place(i, arg.row, arg.dy_pitch), width);
        for (unsigned k = 0; k < 4; k++)
            dx.at[k] = activation_gradient(arg.activation, y.at[k], dx.at[k]);
        store_or_add(arg.dx + place(i, arg.row, arg.dx_pitch), dx, width, arg.add);
    }
}
