//go:build !windows

package hip

import (
	"os"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"

	"burble/hip/softhip"
)

// What Open sets is seen by C's getenv, also in a program built without cgo, where os.Setenv does not reach C.
func TestEnvironmentReachesC(t *testing.T) {
	t.Setenv("GPU_MAX_HW_QUEUES", "")
	t.Setenv("HIP_VISIBLE_DEVICES", "")
	t.Setenv("CUDA_VISIBLE_DEVICES", "")
	soft := softhip.New(t, softhip.Config{})
	r, err := Open(Options{Driver: soft.Library, Visible: "0"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	getenv, err := purego.Dlsym(purego.RTLD_DEFAULT, "getenv")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"GPU_MAX_HW_QUEUES": "1", "HIP_VISIBLE_DEVICES": "0"} {
		n := cString(name)
		p, _, _ := purego.SyscallN(getenv, uintptr(unsafe.Pointer(&n[0])))
		if got := goString(p); got != want || os.Getenv(name) != want {
			t.Errorf("%s: C sees %q, Go %q, want %q", name, got, os.Getenv(name), want)
		}
	}
}

// A program under test is set up by its environment.
func TestSoftwareDeviceReadsEnvironment(t *testing.T) {
	soft := softhip.New(t, softhip.Config{})
	for name, value := range map[string]string{"SOFTHIP_DEVICES": "3", "SOFTHIP_WARP": "64", "SOFTHIP_MEMORY": "1048576",
		"SOFTHIP_HANG": "poke:2", "SOFTHIP_FAIL": "hipMalloc:2:2,hipHostMalloc:1:1"} {
		if err := setenv(name, value); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := setenv(name, ""); err != nil {
				t.Error(err)
			}
		}()
	}
	r, err := Open(Options{Driver: soft.Library})
	if err != nil {
		t.Fatal(err)
	}
	if r.Count() != 3 {
		t.Errorf("%d devices", r.Count())
	}
	d, err := r.OpenDevice(2)
	if err != nil {
		t.Fatal(err)
	}
	if i := d.Info(); i.WarpSize != 64 || i.Memory.Total != 1<<20 {
		t.Errorf("%+v", i)
	}
	if _, err := d.AllocPinned("p", 10); err == nil {
		t.Error("the failure of hipHostMalloc was not injected")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
