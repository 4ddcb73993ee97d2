package hip

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"burble/hip/softhip"
)

func TestMain(m *testing.M) {
	MaybeCompileChild()
	goleak.VerifyTestMain(m)
}

// rig is an open software device with its stream.
type rig struct {
	t    testing.TB
	soft *softhip.Device
	r    *Runtime
	d    *Device
	s    *Stream
	warp int
}

var testSource = Source{Name: "test.hip", Text: `
extern "C" __global__ void axpy(float* y, const float* x, float a, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += a * x[i];
}
// Sums each row with warp shuffles, then across warps through shared memory.
extern "C" __global__ void row_sum(float* out, const float* x, int n) {
  __shared__ float part[32];
  float sum = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) sum += x[blockIdx.x * n + i];
  for (int m = WARP / 2; m > 0; m /= 2) sum += __shfl_xor(sum, m);
  if (threadIdx.x % WARP == 0) part[threadIdx.x / WARP] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int w = 1; w < blockDim.x / WARP; w++) sum += part[w];
    out[blockIdx.x] = sum;
  }
}
extern "C" __global__ void reverse(int* x, int n) {
  extern __shared__ int tmp[];
  tmp[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = tmp[n - 1 - threadIdx.x];
}
extern "C" __global__ void forgets_barrier(int* x, int n) {
  extern __shared__ int tmp[];
  tmp[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = tmp[n - 1 - threadIdx.x];
}
extern "C" __global__ void half_barrier(int* x) {
  if (threadIdx.x < 16) __syncthreads(); else __shfl_xor(1, 1);
  x[0] = 1;
}
struct pair { int* p; int n; };
extern "C" __global__ void store(pair q, long long v, unsigned w) { if (threadIdx.x == 0) q.p[q.n] = (int)(v + w); }
extern "C" __global__ void many(float* y, const float* x, const float* w, int a, int b, float c) {}
extern "C" __global__ void poke(int* x, int at) { if (threadIdx.x == 3) x[at] = 7; }
`}

func source(warp int) Source {
	src := testSource
	src.Options = []string{"-DWARP=32"}
	if warp == 64 {
		src.Options = []string{"-DWARP=64"}
	}
	return src
}

func newRig(t testing.TB, c softhip.Config, o Options) *rig {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	if c.Warp == 0 {
		c.Warp = 32
	}
	soft := softhip.New(t, c)
	o.Driver = soft.Library
	if o.SlabBytes == 0 {
		o.SlabBytes = -1
	}
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.OpenDevice(0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !d.Abandoned() {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rig{t: t, soft: soft, r: r, d: d, s: s, warp: c.Warp}
}

// cacheDir keeps compiled kernels between runs of the tests.
func cacheDir(t testing.TB) string {
	t.Helper()
	dir := os.TempDir() + "/burble-hip-test-kernels"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (g *rig) module() *Module {
	g.t.Helper()
	c, err := g.r.NewCompiler(cacheDir(g.t))
	if err != nil {
		g.t.Fatal(err)
	}
	code, err := c.Compile(context.Background(), g.d.Info().Target, source(g.warp))
	if err != nil {
		g.t.Fatal(err)
	}
	m, err := g.d.LoadModule("test", code)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		if err := m.Close(); err != nil {
			g.t.Error(err)
		}
	})
	return m
}

func (g *rig) function(m *Module, name string) *Function {
	g.t.Helper()
	f, err := m.Function(name)
	if err != nil {
		g.t.Fatal(err)
	}
	return f
}

func (g *rig) buffer(label string, n int64) *Buffer {
	g.t.Helper()
	b, err := g.d.Alloc(label, n)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		if err := b.Free(); err != nil {
			g.t.Error(err)
		}
	})
	return b
}

func (g *rig) pinned(n int) *Pinned {
	g.t.Helper()
	p, err := g.d.AllocPinned("test", n)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			g.t.Error(err)
		}
	})
	return p
}

func (g *rig) sync() {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := g.s.Sync(ctx); err != nil {
		g.t.Fatal(err)
	}
}

func putFloats(b []byte, v []float32) {
	for i, f := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(f))
	}
}

func getFloat(b []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
}

func getInt(b []byte, i int) int { return int(int32(binary.LittleEndian.Uint32(b[4*i:]))) }
