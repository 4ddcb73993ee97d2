package hip

import (
	"context"
	"errors"
	"testing"
)

// AMD's runtime, where it is installed: every entry point is there, a machine without a GPU is said to have none, and
// hiprtc, which needs no GPU, compiles in a child process. A target that it does not know ends the child, not us.
func TestROCm(t *testing.T) {
	var d *driver
	for _, c := range candidates("hip") {
		var err error
		if d, err = loadDriver(c); err == nil {
			break
		}
		if d != nil {
			t.Fatal(err)
		}
	}
	if d == nil {
		t.Skip("no ROCm here")
	}
	if r, err := Open(Options{Driver: "hip"}); err == nil {
		t.Logf("%s, %d devices", r.Version(), r.Count())
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	} else if !errors.Is(err, ErrNoDevice) {
		t.Errorf("got %v", err)
	} else {
		t.Log(err)
	}
	c := &Compiler{dir: t.TempDir(), parallel: 1}
	c.request.Libraries = compilerLibraries(d)
	src := Source{Name: "set.hip", Text: "#include \"v.h\"\nextern \"C\" __attribute__((global)) void set(int* x) { *x = V; }",
		Headers: map[string]string{"v.h": "#define V 3\n"}, Options: []string{"-O3"}}
	code, err := c.Compile(context.Background(), "gfx1030", src)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes for gfx1030", len(code))
	_, err = c.Compile(context.Background(), "gfx9999", src)
	var e *CompileError
	if !errors.As(err, &e) {
		t.Errorf("an unknown target gives %v", err)
	} else {
		t.Log(e)
	}
}
