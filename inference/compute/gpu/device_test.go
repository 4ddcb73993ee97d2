package gpu

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"burble/hip"
	"burble/hip/softhip"
	"burble/inference/compute"
)

func TestMain(m *testing.M) {
	hip.MaybeCompileChild()
	goleak.VerifyTestMain(m)
}

// realGPU is the driver to test on besides the software device: "hip" or "cuda", from BURBLE_TEST_GPU.
func realGPU() string { return os.Getenv("BURBLE_TEST_GPU") }

// cacheDir keeps compiled kernels between runs of the tests.
func cacheDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "burble-gpu-test-kernels")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// open makes a device. The runtime is closed when the test ends; closing the device is up to the caller.
func open(t testing.TB, driver string, slab int64, o Options) *Device {
	t.Helper()
	runtime.LockOSThread()
	rt, err := hip.Open(hip.Options{Driver: driver, SlabBytes: slab, NoEarlyStart: os.Getenv("BURBLE_NO_EARLY_START") != ""})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
	dev, err := rt.OpenDevice(0)
	if err != nil {
		t.Fatal(err)
	}
	o.CacheDir = cacheDir(t)
	d, err := New(context.Background(), rt, dev, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// soft makes a device on the software GPU, where every tensor has an allocation of its own, so that races and accesses
// out of bounds are seen for each.
func soft(t testing.TB, c softhip.Config, o Options) (*Device, *softhip.Device) {
	t.Helper()
	s := softhip.New(t, c)
	return open(t, s.Library, -1, o), s
}

// real makes a device on the machine's GPU, and skips the test where none was asked for.
func real(t testing.TB, o Options) *Device {
	t.Helper()
	if realGPU() == "" {
		t.Skip("set BURBLE_TEST_GPU to hip or cuda to test on this machine's GPU")
	}
	return open(t, realGPU(), 0, o)
}

var _ compute.BulkLoader = (*Device)(nil)
