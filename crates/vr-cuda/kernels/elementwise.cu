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
    EACH(i, arg.len)
    {
        const float x = arg.x[place(i, arg.row, arg.x_pitch)];
        float *y = arg.y + place(i, arg.row, arg.y_pitch);
        *y = arg.add ? *y + x : x;
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
    EACH(i, arg.len)
    {
        const float v = arg.a[place(i, arg.row, arg.a_pitch)] + arg.b[place(i, arg.row, arg.b_pitch)];
        arg.y[place(i, arg.row, arg.y_pitch)] = activated(arg.activation, v);
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
    EACH(i, arg.len)
    {
        arg.y[place(i, arg.row, arg.y_pitch)] = activated(arg.activation, arg.x[place(i, arg.row, arg.x_pitch)]);
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
    EACH(i, arg.len)
    {
        const float y = arg.y[place(i, arg.row, arg.y_pitch)], dy = arg.dy[place(i, arg.row, arg.dy_pitch)];
        const float gradient = activation_gradient(arg.activation, y, dy);
        float *dx = arg.dx + place(i, arg.row, arg.dx_pitch);
        *dx = arg.add ? *dx + gradient : gradient;
    }
}
