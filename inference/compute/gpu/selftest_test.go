package gpu

import (
	"context"
	"slices"
	"testing"
	"time"

	"burble/hip/softhip"
)

func TestSelfTest(t *testing.T) {
	test := func(t *testing.T, d *Device) {
		start := time.Now()
		r, err := SelfTest(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Checks {
			if c.Failure != "" {
				t.Errorf("%s: %s", c.Name, c.Failure)
			}
		}
		if len(r.Checks) < 80 || r.Err() != nil || r.Disabled() != nil {
			t.Errorf("%d checks, error %v, disabled %q", len(r.Checks), r.Err(), r.Disabled())
		}
		t.Logf("%d checks in %v on %s, %s, kernels %s", len(r.Checks), time.Since(start), r.GPU, r.Driver, r.Kernels)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Run("soft", func(t *testing.T) {
		d, _ := soft(t, softhip.Config{}, Options{})
		test(t, d)
	})
	t.Run("gpu", func(t *testing.T) { test(t, real(t, Options{})) })
}

// TestSelfTestFindsAWrongKernel makes one kernel wrong and one fail.
func TestSelfTestFindsAWrongKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("another self-test of all kernels")
	}
	d, _ := soft(t, softhip.Config{}, Options{})
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	// The kernel that takes 128 rows does a quarter of its work when it is launched as the one that takes 32.
	if err := d.compile(context.Background(), []string{"weight_Q8_0"}); err != nil {
		t.Fatal(err)
	}
	m := d.modules["weight_Q8_0"]
	small, err := m.function("gemm_32")
	if err != nil {
		t.Fatal(err)
	}
	m.functions["gemm_128"] = small
	r, err := SelfTest(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Disabled(); !slices.Equal(got, []string{"gemm"}) || r.Err() != nil {
		t.Errorf("disabled %q, error %v", got, r.Err())
	}
	if f := r.Failed(); len(f) != 1 || f[0].Name != "gemm Q8_0, 150 rows" {
		t.Errorf("failed: %+v", f)
	}
}
