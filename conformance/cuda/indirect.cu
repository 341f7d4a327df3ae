// Calls that are not known before they are made: tables of functions, virtual functions, switches.

typedef int (*Operation)(int, int);

__device__ __noinline__ int plus(int a, int b) { return a + b; }
__device__ __noinline__ int minus(int a, int b) { return a - b; }
__device__ __noinline__ int times(int a, int b) { return a * b; }
__device__ __noinline__ int either(int a, int b) { return a ^ b; }

__device__ Operation table[4] = {plus, minus, times, either};

extern "C" __global__ void call_table(int *out, const int *a, const int *b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = table[a[i] & 3](a[i], b[i]);
}

struct Shape {
    __device__ virtual int area() const = 0;
    __device__ virtual int sides() const { return 4; }
};

struct Square : Shape {
    int a;
    __device__ Square(int a) : a(a) {}
    __device__ int area() const override { return a * a; }
};

struct Triangle : Shape {
    int b, h;
    __device__ Triangle(int b, int h) : b(b), h(h) {}
    __device__ int area() const override { return b * h / 2; }
    __device__ int sides() const override { return 3; }
};

extern "C" __global__ void call_virtual(int *out, const int *in) {
    int i = threadIdx.x, v = in[i];
    Square square(v);
    Triangle triangle(v, i);
    const Shape *shape = v & 1 ? (const Shape *)&square : &triangle;
    out[i] = shape->area() * 8 + shape->sides();
}

// A small machine: its program is data.
extern "C" __global__ void interpret(int *out, const int *program, const int *in) {
    int x = in[threadIdx.x], y = threadIdx.x;
    for (int pc = 0;; pc++) {
        int op = program[pc];
        switch (op & 15) {
        case 0: out[threadIdx.x] = x; return;
        case 1: x += y; break;
        case 2: y = x ^ op >> 4; break;
        case 3: x *= op >> 4; break;
        case 4: x >>= 1; break;
        case 5: y -= x; break;
        case 6: if (y & 1) pc++; break;
        case 7: x = max(x, y); break;
        default: x = ~x; break;
        }
    }
}
