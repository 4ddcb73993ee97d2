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
