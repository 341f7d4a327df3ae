// Bodies that attract one another, tile by tile; and a set of Julia and Mandelbrot.

extern "C" __global__ void nbody(float4 *accel, const float4 *bodies, int n) {
    __shared__ float4 tile[128];
    int i = blockIdx.x * 128 + threadIdx.x;
    float4 me = bodies[i];
    float ax = 0, ay = 0, az = 0;
    for (int k = 0; k < n; k += 128) {
        tile[threadIdx.x] = bodies[k + threadIdx.x];
        __syncthreads();
        for (int j = 0; j < 128; j++) {
            float dx = tile[j].x - me.x, dy = tile[j].y - me.y, dz = tile[j].z - me.z;
            float d2 = fmaf(dz, dz, fmaf(dy, dy, fmaf(dx, dx, 0.01f)));
            float d = __fsqrt_rn(d2), w = __fdiv_rn(tile[j].w, __fmul_rn(d2, d));
            ax = fmaf(dx, w, ax);
            ay = fmaf(dy, w, ay);
            az = fmaf(dz, w, az);
        }
        __syncthreads();
    }
    accel[i] = make_float4(ax, ay, az, 0);
}
