package hip

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
)

// The exact symbols that are bound. A new one belongs here after a thought about which stream it acts on.
var (
	boundHIP = []string{
		"hipDeviceGetAttribute", "hipDeviceGetName", "hipDeviceGetPCIBusId", "hipDeviceTotalMem", "hipDriverGetVersion",
		"hipEventCreateWithFlags", "hipEventDestroy", "hipEventElapsedTime", "hipEventQuery", "hipEventRecord", "hipFree",
		"hipFuncGetAttribute", "hipGetDeviceCount", "hipGetDeviceProperties", "hipGetDevicePropertiesR0000",
		"hipGetDevicePropertiesR0600", "hipGetErrorName", "hipGraphDestroy", "hipGraphExecDestroy", "hipGraphGetNodes",
		"hipGraphInstantiateWithFlags", "hipGraphLaunch", "hipHostFree", "hipHostGetDevicePointer", "hipHostMalloc", "hipInit",
		"hipMalloc", "hipMemGetInfo", "hipMemcpyDtoDAsync", "hipMemcpyDtoHAsync", "hipMemcpyHtoDAsync", "hipMemsetD32Async",
		"hipMemsetD8Async", "hipModuleGetFunction", "hipModuleLaunchKernel", "hipModuleLoadData", "hipModuleUnload",
		"hipRuntimeGetVersion", "hipSetDevice", "hipStreamBeginCapture", "hipStreamCreateWithFlags", "hipStreamDestroy",
		"hipStreamEndCapture", "hipStreamWaitEvent", "hipStreamWriteValue32",
	}
	boundCUDA = []string{
		"cuCtxSetCurrent", "cuDeviceGetAttribute", "cuDeviceGetCount", "cuDeviceGetName", "cuDeviceGetPCIBusId",
		"cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRetain", "cuDeviceTotalMem_v2", "cuDriverGetVersion", "cuEventCreate",
		"cuEventDestroy_v2", "cuEventElapsedTime", "cuEventQuery", "cuEventRecord", "cuFuncGetAttribute", "cuFuncSetAttribute",
		"cuGetErrorName", "cuGraphDestroy", "cuGraphExecDestroy", "cuGraphGetNodes", "cuGraphInstantiateWithFlags",
		"cuGraphLaunch", "cuInit", "cuLaunchKernel", "cuLaunchKernelEx", "cuMemAlloc_v2", "cuMemFreeHost", "cuMemFree_v2", "cuMemGetInfo_v2",
		"cuMemHostAlloc", "cuMemHostGetDevicePointer_v2", "cuMemcpyDtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyHtoDAsync_v2",
		"cuMemsetD32Async", "cuMemsetD8Async", "cuModuleGetFunction", "cuModuleLoadData", "cuModuleUnload",
		"cuStreamBeginCapture_v2", "cuStreamCreate", "cuStreamDestroy_v2", "cuStreamEndCapture", "cuStreamWaitEvent",
		"cuStreamWriteValue32_v2",
	}
	boundRTC = []string{
		"CompileProgram", "CreateProgram", "DestroyProgram", "GetProgramLog", "GetProgramLogSize", "Version",
	}
)

func names(entries []entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.name)
	}
	sort.Strings(list)
	return list
}

func TestBoundSymbols(t *testing.T) {
	if got := names(new(driver).hipEntries()); !slices.Equal(got, boundHIP) {
		t.Errorf("HIP binds %q", got)
	}
	if got := names(new(driver).cudaEntries()); !slices.Equal(got, boundCUDA) {
		t.Errorf("CUDA binds %q", got)
	}
	for _, c := range []struct {
		backend Backend
		prefix  string
		code    []string
	}{{HIP, "hiprtc", []string{"GetCode", "GetCodeSize"}}, {CUDA, "nvrtc", []string{"GetCUBIN", "GetCUBINSize"}}} {
		var want []string
		for _, n := range append(slices.Clone(boundRTC), c.code...) {
			want = append(want, c.prefix+n)
		}
		sort.Strings(want)
		if got := names((&rtc{backend: c.backend}).entries()); !slices.Equal(got, want) {
			t.Errorf("%s binds %q", c.prefix, got)
		}
	}
	for _, c := range []struct {
		backend Backend
		want    []string
	}{
		{HIP, []string{"hipblasCreate", "hipblasDestroy", "hipblasGemmEx", "hipblasGemmEx_v2", "hipblasSetStream", "hipblasSetWorkspace"}},
		{CUDA, []string{"cublasCreate_v2", "cublasDestroy_v2", "cublasGemmEx", "cublasSetStream_v2", "cublasSetWorkspace_v2"}},
	} {
		if got := names(blasEntries(c.backend, new(blasLibrary))); !slices.Equal(got, c.want) {
			t.Errorf("BLAS of %s binds %q", c.backend, got)
		}
	}
	// What copies, fills or launches has a stream among its arguments: its name says so.
	for _, n := range append(slices.Clone(boundHIP), boundCUDA...) {
		acts := strings.Contains(n, "Memcpy") || strings.Contains(n, "Memset") || strings.Contains(n, "memcpy")
		if acts && !strings.Contains(n, "Async") {
			t.Errorf("%s acts on the default stream", n)
		}
		if strings.Contains(n, "Synchronize") || strings.Contains(n, "PerThread") || strings.HasSuffix(n, "_ptsz") {
			t.Errorf("%s waits without a deadline or uses the per-thread default stream", n)
		}
	}
}

// packageFiles parses the package's sources, without its tests.
func packageFiles(t *testing.T) []*ast.File {
	t.Helper()
	set := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// Every symbol that is looked up by name comes from the tables above: no string that looks like an entry point
// stands anywhere else.
func TestEntryPointsOnlyInTheTables(t *testing.T) {
	known := map[string]bool{}
	for _, n := range slices.Concat(boundHIP, boundCUDA) {
		known[n] = true
	}
	for _, f := range packageFiles(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			s := strings.Trim(lit.Value, "`\"")
			for _, prefix := range []string{"hip", "cu"} {
				rest, ok := strings.CutPrefix(s, prefix)
				if !ok || rest == "" || rest[0] < 'A' || rest[0] > 'Z' || strings.ContainsAny(rest, " :.") {
					continue
				}
				if !known[s] {
					t.Errorf("the string %s looks like an entry point that is not in the tables", lit.Value)
				}
			}
			return true
		})
	}
}

// No exported function or method other than a method of Stream, or of something made from a stream, reaches an
// entry point that copies, fills, multiplies or launches.
func TestOperationsAreMethodsOfStream(t *testing.T) {
	operations := map[string]bool{"launch": true, "copyHtoD": true, "copyDtoH": true, "copyDtoD": true, "fill8": true, "fill32": true,
		"graphLaunch": true, "streamWrite32": true, "gemm": true}
	binding := map[string]bool{"hipEntries": true, "cudaEntries": true, "entries": true, "blasEntries": true,
		"numbers": true, "NewBLAS": true} // the last two only ask which entry point was found
	verbs := []string{"Copy", "Fill", "Launch", "Upload", "Download", "Replay", "Memcpy", "Memset", "Gemm"}
	used := 0
	for _, f := range packageFiles(t) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			receiver := ""
			if fn.Recv != nil {
				e := fn.Recv.List[0].Type
				if p, ok := e.(*ast.StarExpr); ok {
					e = p.X
				}
				receiver = e.(*ast.Ident).Name
			}
			ofStream := receiver == "Stream" || receiver == "Stager" || receiver == "BLAS"
			if fn.Name.IsExported() && !ofStream {
				for _, v := range verbs {
					if strings.HasPrefix(fn.Name.Name, v) {
						t.Errorf("%s.%s is exported, and not a method of Stream", receiver, fn.Name.Name)
					}
				}
			}
			if fn.Body == nil || binding[fn.Name.Name] {
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && operations[s.Sel.Name] {
					// upload.launch is a method of the stager's, not the entry point
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "u" {
						return true
					}
					used++
					if receiver != "Stream" && receiver != "BLAS" {
						t.Errorf("%s.%s uses the entry point %s", receiver, fn.Name.Name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if used < 8 {
		t.Errorf("only %d uses of entry points were found: the test looks for the wrong names", used)
	}
}

// hip imports nothing of the module's.
func TestImportsNothingOfOurs(t *testing.T) {
	for _, f := range packageFiles(t) {
		for _, i := range f.Imports {
			if strings.HasPrefix(strings.Trim(i.Path.Value, `"`), "burble/") {
				t.Errorf("import of %s", i.Path.Value)
			}
		}
	}
}
