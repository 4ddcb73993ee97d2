package hip

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"
)

// Element is the type of a matrix's elements for [BLAS].
type Element uint8

const (
	F32  Element = iota
	F16          // IEEE half precision
	BF16         // bfloat16
)

func (e Element) bytes() int64 {
	if e == F32 {
		return 4
	}
	return 2
}

// BLAS multiplies matrices with hipBLAS or cuBLAS. It is an optional accelerator: rocBLAS ends the process on a GPU that it
// has no files for, so that Burble's own kernels are the default. A BLAS belongs to the stream it was made from, and
// what it does is ordered like everything else there.
type BLAS struct {
	s         *Stream
	lib       blasLibrary
	handle    uintptr
	workspace *Buffer
	one, zero *float32 // read by the library during the call
}

// blasLibrary is the table of entry points. (handle, ...)
type blasLibrary struct {
	path                          string
	create, destroy, setStream    uintptr
	setWorkspace                  uintptr // handle, address, bytes; 0 where there is none
	gemm                          uintptr
	opN, opT, compute32, bestAlgo uintptr
	elements                      [3]uintptr // by Element
	names                         map[uintptr]string
}

// blasWorkspace is what cuBLAS recommends for Hopper. The library takes none of its own then, which would end a capture.
const blasWorkspace = 32 << 20

func blasEntries(b Backend, l *blasLibrary) []entry {
	if b == CUDA {
		return []entry{
			{name: "cublasCreate_v2", to: &l.create},
			{name: "cublasDestroy_v2", to: &l.destroy},
			{name: "cublasSetStream_v2", to: &l.setStream},
			{name: "cublasSetWorkspace_v2", to: &l.setWorkspace},
			{name: "cublasGemmEx", to: &l.gemm},
		}
	}
	return []entry{
		{name: "hipblasCreate", to: &l.create},
		{name: "hipblasDestroy", to: &l.destroy},
		{name: "hipblasSetStream", to: &l.setStream},
		{name: "hipblasSetWorkspace", to: &l.setWorkspace, optional: true},
		{name: "hipblasGemmEx", to: &l.gemm},
		// In hipBLAS 2 this one takes the numbers of hipDataType; in hipBLAS 3 both do.
		{name: "hipblasGemmEx_v2", to: &l.gemm, optional: true},
	}
}

// numbers fills in the enumerations: of cublas_api.h, and of hipblas.h before and since version 2.
func (l *blasLibrary) numbers(b Backend) {
	l.elements = [3]uintptr{0, 2, 14} // CUDA_R_32F, _16F, _16BF and hipDataType's
	if b == CUDA {
		l.opN, l.opT, l.compute32, l.bestAlgo = 0, 1, 68, ^uintptr(0) // CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT
		return
	}
	l.opN, l.opT, l.compute32, l.bestAlgo = 111, 112, 2, 160 // HIPBLAS_COMPUTE_32F, HIPBLAS_GEMM_DEFAULT
	if l.names[l.gemm] != "hipblasGemmEx_v2" && !strings.HasSuffix(l.path, ".so.3") && filepath.Ext(l.path) != ".dll" {
		l.elements = [3]uintptr{151, 150, 168} // hipblasDatatype_t
		l.compute32 = 151
	}
}

// NewBLAS loads the vendor's library, from the path or soname given or from the usual places, and makes a handle
// that works on s. It fails where there is none.
func (s *Stream) NewBLAS(library string) (*BLAS, error) {
	if err := s.d.usable(); err != nil {
		return nil, err
	}
	if s.graph != nil {
		return nil, ErrCapturing
	}
	candidates := []string{library}
	if library == "" {
		candidates = blasLibraries(s.drv.backend)
	}
	b := &BLAS{s: s, one: new(float32), zero: new(float32)}
	*b.one = 1
	var tried []error
	for _, name := range candidates {
		lib, err := openLibrary(name)
		if err != nil {
			tried = append(tried, err)
			continue
		}
		d := &driver{lib: lib, path: name}
		l := blasLibrary{path: name}
		if err := d.bind(blasEntries(s.drv.backend, &l)); err != nil {
			tried = append(tried, err)
			continue
		}
		l.names = d.names
		l.numbers(s.drv.backend)
		b.lib = l
		break
	}
	if b.lib.gemm == 0 {
		return nil, fmt.Errorf("hip: no BLAS library could be loaded: %w", errors.Join(tried...))
	}
	if st := call(b.lib.create, uintptr(unsafe.Pointer(&b.handle))); st != statusOK {
		return nil, b.error(st, b.lib.create)
	}
	if st := call(b.lib.setStream, b.handle, s.handle); st != statusOK {
		return nil, errors.Join(b.error(st, b.lib.setStream), b.Close())
	}
	if b.lib.setWorkspace != 0 { // after the stream, which resets it
		w, err := s.d.Alloc("BLAS workspace", blasWorkspace)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.workspace = w
		if st := call(b.lib.setWorkspace, b.handle, w.address, blasWorkspace); st != statusOK {
			return nil, errors.Join(b.error(st, b.lib.setWorkspace), b.Close())
		}
	}
	return b, nil
}

func (b *BLAS) error(st status, fn uintptr) error {
	return &Error{Call: b.lib.names[fn], Code: int(st)}
}

// Gemm computes out [n, m] F32 = x [n, k] · wᵀ, w [m, k]; x and w have elements of type t, rows without gaps.
func (b *BLAS) Gemm(out, x, w Span, n, m, k int, t Element) {
	s := b.s
	if !s.begin() {
		return
	}
	r := record{op: s.op, kind: opMultiply}
	if b.handle == 0 {
		s.fail(ErrClosed, r)
		return
	}
	if n <= 0 || m <= 0 || k <= 0 || out.n < 4*int64(n)*int64(m) || x.n < t.bytes()*int64(n)*int64(k) || w.n < t.bytes()*int64(m)*int64(k) {
		s.fail(fmt.Errorf("a product [%d×%d] · [%d×%d]ᵀ does not fit its operands", n, k, m, k), r)
		return
	}
	// The libraries store matrices by columns: a row-major matrix is its transpose there, so outᵀ = w · xᵀ.
	l := &b.lib
	args := [19]uintptr{b.handle, l.opT, l.opN, uintptr(m), uintptr(n), uintptr(k), uintptr(unsafe.Pointer(b.one)),
		w.address, l.elements[t], uintptr(k), x.address, l.elements[t], uintptr(k), uintptr(unsafe.Pointer(b.zero)),
		out.address, l.elements[F32], uintptr(m), l.compute32, l.bestAlgo}
	st := call(l.gemm, args[:]...)
	runtime.KeepAlive(b)
	if st != statusOK {
		s.fail(b.error(st, l.gemm), r)
		return
	}
	s.issued(statusOK, l.gemm, r)
}

// Close releases the handle, after waiting for what was issued.
func (b *BLAS) Close() error {
	if b.handle == 0 {
		return nil
	}
	h, d := b.handle, b.s.d
	b.handle = 0
	var errs []error
	if !d.closed && !d.abandoned {
		if err := d.settle(); err != nil {
			return err
		}
		if st := call(b.lib.destroy, h); st != statusOK {
			errs = append(errs, b.error(st, b.lib.destroy))
		}
	}
	if b.workspace != nil {
		errs = append(errs, b.workspace.Free())
	}
	return errors.Join(errs...)
}
