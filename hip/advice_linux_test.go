package hip

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"burble/hip/softhip"
)

func TestOpenWithoutDriver(t *testing.T) {
	_, err := Open(Options{Driver: "/nonexistent/libamdhip64.so"})
	var e *NotFoundError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a NotFoundError", err)
	}
	if len(e.Tried) != 1 || len(e.Advice) == 0 || !strings.Contains(err.Error(), "/nonexistent/libamdhip64.so") {
		t.Errorf("got %v", err)
	}
	_, err = Open(Options{Driver: "cuda"})
	if err == nil {
		t.Skip("this machine has CUDA")
	}
	if errors.As(err, &e) && !strings.Contains(err.Error(), "libcuda.so.1") {
		t.Errorf("got %v", err)
	}
}

func TestLibraryWithoutEntryPoints(t *testing.T) {
	_, err := Open(Options{Driver: "libm.so.6"})
	if err == nil || !strings.Contains(err.Error(), "libm.so.6 has no hipInit") {
		t.Errorf("got %v", err)
	}
}

func TestOpenWithoutGPU(t *testing.T) {
	soft := softhip.New(t, softhip.Config{Devices: -1})
	_, err := Open(Options{Driver: soft.Library})
	if !errors.Is(err, ErrNoDevice) {
		t.Errorf("got %v, want ErrNoDevice", err)
	}
}

func TestAdviceForEachCause(t *testing.T) {
	for _, c := range []struct {
		name     string
		kfd, dxg error
		want     string
	}{
		{"no permission", fs.ErrPermission, fs.ErrNotExist, "usermod -aG render"},
		{"no runtime", nil, fs.ErrNotExist, "Install the ROCm HIP runtime"},
		{"WSL", fs.ErrNotExist, nil, "WSL"},
		{"no driver", fs.ErrNotExist, fs.ErrNotExist, "there is no /dev/kfd"},
	} {
		got := strings.Join(adviceFor(func(path string) error {
			if path == "/dev/kfd" {
				return c.kfd
			}
			return c.dxg
		}), "\n")
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %q does not say %q", c.name, got, c.want)
		}
	}
}

func TestMemoryIsBoundBySysfs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, value string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := Memory{Total: 1000, Free: 900}
	if got := boundBy(dir, m, false); got != m {
		t.Errorf("without files: %+v", got)
	}
	write("mem_info_vram_total", "1000")
	write("mem_info_vram_used", "400")
	if got := boundBy(dir, m, false); got.Free != 600 {
		t.Errorf("free %d, want 600", got.Free)
	}
	if got := boundBy(dir, Memory{Total: 1000, Free: -1}, false); got.Free != 600 {
		t.Errorf("free %d where the driver can't say, want 600", got.Free)
	}
	write("mem_info_gtt_total", "5000")
	write("mem_info_gtt_used", "100")
	if got := boundBy(dir, Memory{Total: 6000, Free: 6000}, true); got.Free != 5500 {
		t.Errorf("APU: free %d, want 5500", got.Free)
	}
}

func TestOverrideOfTarget(t *testing.T) {
	for _, c := range []struct {
		override string
		targets  []int
		warn     bool
	}{
		{"11.0.0", []int{110001}, false},
		{"11.0.0", []int{110000}, false},
		{"10.3.0", []int{110000}, true},
		{"9.0.10", []int{90010}, false},
		{"nonsense", nil, true},
		{"11.0.0", nil, false},
	} {
		if got := overrideCheck(c.override, c.targets); (len(got) > 0) != c.warn {
			t.Errorf("override %s of %v: %q", c.override, c.targets, got)
		}
	}
	dir := t.TempDir()
	for node, body := range map[string]string{"0": "cpu_cores_count 8\ngfx_target_version 0\n", "1": "simd_count 96\ngfx_target_version 110000\n"} {
		if err := os.MkdirAll(filepath.Join(dir, node), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, node, "properties"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := realTargets(dir); len(got) != 1 || got[0] != 110000 {
		t.Errorf("targets %v", got)
	}
}

func TestGfxName(t *testing.T) {
	for in, want := range map[string]string{"gfx90a:sramecc+:xnack-": "gfx90a", "gfx1100": "gfx1100", "gfx": "", "gfxZ": "", "": "",
		"\x01\x02gfx": "", "AMD gfx1100": "", "gfx11 00": ""} {
		if got := gfxName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestRankDiscreteFirst(t *testing.T) {
	list := []DeviceInfo{{Index: 0, Integrated: true, Memory: Memory{Total: 64}}, {Index: 1, Memory: Memory{Total: 8}}, {Index: 2, Memory: Memory{Total: 24}}}
	rank(list)
	if list[0].Index != 2 || list[1].Index != 1 || list[2].Index != 0 {
		t.Errorf("order %v", list)
	}
}

func TestDevices(t *testing.T) {
	soft := softhip.New(t, softhip.Config{Devices: 2, Memory: 1 << 30, Warp: 64})
	list, err := Devices(Options{Driver: soft.Library})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 {
		t.Fatalf("%d devices", len(list))
	}
	i := list[1]
	if i.Target != "gfx064" || !i.Software || i.WarpSize != 64 || i.Memory.Total != 1<<30 || i.Memory.Free != 1<<30 || i.ThreadsPerBlock != 1024 ||
		i.SharedPerBlock != 64<<10 || i.PCI != "0000:02:00.0" || i.Integrated {
		t.Errorf("%+v", i)
	}
}
