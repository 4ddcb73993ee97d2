package hip

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

var cudaSource = Source{Name: "cuda.cu", Text: `
extern "C" __global__ void axpy(float* y, const float* x, float a, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += a * x[i];
}
extern "C" __global__ void reverse(int* x, int n) {
  extern __shared__ int tmp[];
  tmp[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = tmp[n - 1 - threadIdx.x];
}
extern "C" __global__ void spin(volatile int* flag) { while (*flag == 0) {} }
extern "C" __global__ void empty() {}
extern "C" __global__ void step(unsigned* out, const unsigned* in, int n) {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = in[(i + 7777) % n] * 3 + 1;
}
`}

// openCUDA opens the first NVIDIA GPU, or skips the test.
func openCUDA(t testing.TB, o Options) *rig {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	o.Driver = "cuda"
	r, err := Open(o)
	if err != nil {
		var missing *NotFoundError
		if errors.As(err, &missing) || errors.Is(err, ErrNoDevice) {
			t.Skip("no NVIDIA GPU here")
		}
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
		for _, err := range []error{s.Close(), d.Close(), r.Close()} {
			if err != nil && !d.Abandoned() {
				t.Error(err)
			}
		}
	})
	return &rig{t: t, r: r, d: d, s: s, warp: 32}
}

func (g *rig) cudaModule() *Module {
	g.t.Helper()
	c, err := g.r.NewCompiler(g.t.TempDir())
	if err != nil {
		g.t.Skip(err) // no NVRTC
	}
	code, err := c.Compile(context.Background(), g.d.Info().Target, cudaSource)
	if err != nil {
		g.t.Fatal(err)
	}
	m, err := g.d.LoadModule("cuda", code)
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

func TestCUDAOperations(t *testing.T) {
	g := openCUDA(t, Options{})
	i := g.d.Info()
	t.Logf("%s, %s: %+v", g.r.Version(), g.r.Library(), i)
	if !strings.HasPrefix(i.Target, "sm_") || i.WarpSize != 32 || i.Memory.Total <= 0 || i.Memory.Free <= 0 || i.Software {
		t.Errorf("%+v", i)
	}
	t.Logf("streams write words: %v", g.s.write32)
	m := g.cudaModule()
	const n = 1 << 16
	x, y := g.buffer("x", 4*n), g.buffer("y", 4*n)
	host, back := g.pinned(4*n), g.pinned(4*n)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i % 1000)
	}
	putFloats(host.Bytes(), v)
	axpy := g.function(m, "axpy")
	t.Logf("axpy: %+v", axpy.Info())
	g.s.Upload(x.Span(), host.Span())
	g.s.Fill(y.Span(), 0)
	g.s.Launch(axpy, Dim{X: n / 256}, Dim{X: 256}, 0, g.s.Args().Span(y.Span()).Span(x.Span()).F32(3).I32(n))
	g.s.Copy(x.Slice(0, 2*n), y.Slice(2*n, 2*n))
	g.s.Download(back.Span(), y.Span())
	g.sync()
	for i := range v {
		if got := getFloat(back.Bytes(), i); got != 3*v[i] {
			t.Fatalf("y[%d] = %g, want %g", i, got, 3*v[i])
		}
	}
	g.s.Download(back.Slice(0, 2*n), x.Slice(0, 2*n))
	g.sync()
	if got := getFloat(back.Bytes(), 5); got != 3*v[n/2+5] {
		t.Errorf("after Copy x[5] = %g, want %g", got, 3*v[n/2+5])
	}
	g.s.Fill32(y.Span(), 0x01020304)
	g.s.Launch(g.function(m, "reverse"), Dim{}, Dim{X: 512}, 512*4, g.s.Args().Span(y.Span()).I32(512))
	g.s.Download(back.Span(), y.Span())
	g.sync()
	if got := getInt(back.Bytes(), 3); got != 0x01020304 {
		t.Errorf("after Fill32 and reverse: %#x", got)
	}
	big := g.function(m, "reverse")
	if err := big.AllowShared(i.SharedPerBlock); err != nil {
		t.Error(err)
	}
	g.s.Launch(big, Dim{}, Dim{X: 32}, uint32(i.SharedPerBlock), g.s.Args().Span(y.Span()).I32(32))
	g.sync()
	if _, err := m.Function("missing"); err == nil || !strings.Contains(err.Error(), "CUDA_ERROR_NOT_FOUND") {
		t.Errorf("a kernel that is not there: %v", err)
	}
	var report strings.Builder
	if err := g.r.Report(&report); err != nil {
		t.Error(err)
	}
	t.Log(report.String())
}

func TestCUDAEvents(t *testing.T) {
	g := openCUDA(t, Options{})
	if _, err := g.d.NewStream(); err == nil {
		t.Error("a second stream was made")
	}
	x := g.buffer("x", 256<<20)
	start, err := g.d.NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	end, err := g.d.NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	g.s.Record(start)
	g.s.Fill(x.Span(), 1)
	g.s.Record(end)
	g.s.Wait(end)
	if err := end.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	if done, err := start.Done(); err != nil || !done {
		t.Errorf("the earlier event: %v, %v", done, err)
	}
	d, err := Elapsed(start, end)
	if err != nil || d <= 0 || d > time.Second {
		t.Errorf("elapsed %v, %v", d, err)
	}
	t.Logf("a fill of 256 MiB took %s: %.0f GB/s", d, float64(256<<20)/d.Seconds()/1e9)
	for _, e := range []*Event{start, end} {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCUDAGraph(t *testing.T) {
	g := openCUDA(t, Options{})
	m := g.cudaModule()
	const n = 256
	x, y, back := g.buffer("x", 4*n), g.buffer("y", 4*n), g.pinned(4*n)
	axpy := g.function(m, "axpy")
	g.s.Fill32(x.Span(), 0x3f800000) // 1.0
	g.s.Fill32(y.Span(), 0)
	graph, err := g.s.Capture(func() {
		for layer := range 100 {
			g.s.Label(Op{Layer: layer, Name: "axpy"})
			g.s.Launch(axpy, Dim{}, Dim{X: n}, 0, g.s.Args().Span(y.Span()).Span(x.Span()).F32(1).I32(n))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations, %d nodes", graph.Len(), graph.Nodes())
	for range 5 {
		g.s.Replay(graph)
	}
	g.s.Download(back.Span(), y.Span())
	g.sync()
	if got := getFloat(back.Bytes(), 9); got != 500 {
		t.Errorf("y[9] = %g, want 500", got)
	}
	if err := graph.Close(); err != nil {
		t.Error(err)
	}
}

func TestCUDAOutOfMemory(t *testing.T) {
	g := openCUDA(t, Options{})
	_, err := g.d.Alloc("far too much", 1<<42)
	var e *OutOfMemory
	if !errors.As(err, &e) || e.Free <= 0 {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}

func TestCUDAHangIsNamed(t *testing.T) {
	for _, inGraph := range []bool{false, true} {
		name := "eager"
		if inGraph {
			name = "graph"
		}
		t.Run(name, func(t *testing.T) {
			g := openCUDA(t, Options{Deadline: 500 * time.Millisecond, GraphMarkEvery: 1})
			m := g.cudaModule()
			x, flag := g.buffer("x", 1024), g.pinned(4)
			spin := g.function(m, "spin")
			pass := func() {
				for layer := range 5 {
					g.s.Label(Op{Layer: layer, Tensor: "attn_norm", Name: "rmsnorm", Shape: [4]int32{1, 3584}})
					g.s.Fill(x.Span(), 0)
					g.s.Label(Op{Layer: layer, Tensor: "ffn_norm", Name: "rmsnorm", Shape: [4]int32{1, 3584}})
					if layer == 2 {
						g.s.Launch(spin, Dim{}, Dim{}, 0, g.s.Args().Span(flag.Device()))
					} else {
						g.s.Fill(x.Span(), 1)
					}
				}
			}
			if inGraph {
				graph, err := g.s.Capture(pass)
				if err != nil {
					t.Fatal(err)
				}
				g.s.Replay(graph)
			} else {
				pass()
			}
			err := g.s.Sync(context.Background())
			flag.Bytes()[0] = 1 // lets the kernel end, so that the driver can
			if want := "layer 2 · ffn_norm rmsnorm [1×3584] did not complete in 500ms"; err == nil || err.Error() != want {
				t.Errorf("got %v, want %q", err, want)
			}
			time.Sleep(50 * time.Millisecond)
			g.d.Abandon()
		})
	}
}

// Kernels that may start before their predecessor's end still see all of its results, and overwrite nothing that it reads.
func TestCUDAStartsEarly(t *testing.T) {
	for _, off := range []bool{false, true} {
		g := openCUDA(t, Options{NoEarlyStart: off})
		step := g.function(g.cudaModule(), "step")
		step.StartsEarly()
		t.Logf("off %v: starts early %v", off, step.early)
		const n, steps = 100_000, 64
		want, next := make([]uint32, n), make([]uint32, n)
		for i := range want {
			want[i] = uint32(i)
		}
		a, b := g.buffer("a", 4*n), g.buffer("b", 4*n)
		host := g.pinned(4 * n)
		copy(host.Bytes(), unsafe.Slice((*byte)(unsafe.Pointer(&want[0])), 4*n))
		pass := func() {
			for range steps / 2 {
				g.s.Launch(step, Dim{X: (n + 255) / 256}, Dim{X: 256}, 0, g.s.Args().Span(b.Span()).Span(a.Span()).I32(n))
				g.s.Launch(step, Dim{X: (n + 255) / 256}, Dim{X: 256}, 0, g.s.Args().Span(a.Span()).Span(b.Span()).I32(n))
			}
		}
		g.s.Upload(a.Span(), host.Slice(0, 4*n))
		pass()
		graph, err := g.s.Capture(pass)
		if err != nil {
			t.Fatal(err)
		}
		g.s.Replay(graph)
		g.s.Replay(graph)
		g.s.Download(host.Slice(0, 4*n), a.Span())
		g.sync()
		for range 3 * steps {
			for i := range next {
				next[i] = want[(i+7777)%n]*3 + 1
			}
			want, next = next, want
		}
		if got := unsafe.Slice((*uint32)(unsafe.Pointer(&host.Bytes()[0])), n); !slices.Equal(got, want) {
			t.Errorf("off %v: a chain of kernels computed something else", off)
		}
		start := time.Now()
		for range 20 {
			g.s.Replay(graph)
		}
		g.sync()
		t.Logf("off %v: %.2f µs a kernel", off, time.Since(start).Seconds()*1e6/20/steps)
		if err := graph.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCUDACosts(t *testing.T) {
	for _, every := range []int{1, 8, 64} {
		t.Run(fmt.Sprint("marks every ", every), func(t *testing.T) {
			g := openCUDA(t, Options{MarkEvery: every, GraphMarkEvery: every})
			empty := g.function(g.cudaModule(), "empty")
			const n = 2000
			launch := func() {
				for range n {
					g.s.Launch(empty, Dim{}, Dim{X: 32}, 0, g.s.Args())
				}
			}
			launch()
			g.sync()
			start := time.Now()
			launch()
			issued := time.Since(start)
			g.sync()
			t.Logf("launch: %.2f µs to issue, %.2f µs to complete", issued.Seconds()*1e6/n, time.Since(start).Seconds()*1e6/n)
			graph, err := g.s.Capture(launch)
			if err != nil {
				t.Fatal(err)
			}
			g.s.Replay(graph)
			g.sync()
			start = time.Now()
			for range 10 {
				g.s.Replay(graph)
			}
			g.sync()
			t.Logf("graph of %d nodes: %.2f µs a kernel", graph.Nodes(), time.Since(start).Seconds()*1e6/n/10)
			start = time.Now()
			for range 100 {
				g.sync()
			}
			t.Logf("empty Sync: %.2f µs", time.Since(start).Seconds()*1e4)
			if err := graph.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A file in the page cache reaches the device at 60 % of the rate of plain pinned copies, or more.
func TestCUDAStagerBandwidth(t *testing.T) {
	g := openCUDA(t, Options{})
	const n = 1 << 30
	dst := g.buffer("weights", n)
	host := g.pinned(64 << 20)
	copies := func() time.Duration {
		start := time.Now()
		for at := int64(0); at < n; at += 64 << 20 {
			g.s.Upload(dst.Slice(at, 64<<20), host.Span())
		}
		g.sync()
		return time.Since(start)
	}
	copies()
	best := copies()
	for range 3 {
		best = min(best, copies())
	}
	path := filepath.Join(t.TempDir(), "weights")
	block := make([]byte, 16<<20)
	for i := range block {
		block[i] = byte(i * 31)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range n / len(block) {
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	st, err := g.s.NewStager(StagerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	transfer := []Transfer{{Label: "weights", Dst: dst.Span(), Read: func(p []byte, at int64) error {
		_, err := f.ReadAt(p, at)
		return err
	}}}
	staged := time.Hour
	for range 4 {
		start := time.Now()
		if err := st.Upload(context.Background(), transfer, nil); err != nil {
			t.Fatal(err)
		}
		staged = min(staged, time.Since(start))
	}
	share := best.Seconds() / staged.Seconds()
	t.Logf("pinned %.1f GB/s, staged from a cached file %.1f GB/s: %.0f %%", n/best.Seconds()/1e9, n/staged.Seconds()/1e9, 100*share)
	if share < 0.6 {
		t.Errorf("the stager reaches %.0f %% of the pinned rate, want 60", 100*share)
	}
	g.s.Download(host.Span(), dst.Slice(n-64<<20, 64<<20))
	g.sync()
	for i := range 1 << 20 {
		if host.Bytes()[i] != block[i] {
			t.Fatalf("byte %d arrived as %d, want %d", i, host.Bytes()[i], block[i])
		}
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}
