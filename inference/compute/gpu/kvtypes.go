package gpu

import (
	"context"
	"fmt"

	"burble/gguf"
)

// A KV cache of any type is laid out as GGUF does: rows of elements, or of blocks of 32. F16 and F32 are read by the
// attention kernels that are always there; those for the other types are compiled when a cache of the type is made.

// cacheTypes are the types of caches with kernels of their own, and what kvtypes.hip calls them.
var cacheTypes = [...]struct {
	typ  gguf.Type
	name string
}{{gguf.BF16, "KvBF16"}, {gguf.Q8_0, "KvQ8_0"}, {gguf.Q4_0, "KvQ4_0"}}

// cachePrefix begins the names of modules with attention over caches of one type: "cache_KvQ8_0".
const cachePrefix = "cache_"

// kvCode is a cache's type as kvtypes.hip counts them.
func kvCode(t gguf.Type) (code int, ok bool) {
	switch t {
	case gguf.F32:
		return 0, true
	case gguf.F16:
		return 1, true
	case gguf.BF16:
		return 2, true
	case gguf.Q8_0:
		return 3, true
	case gguf.Q4_0:
		return 4, true
	}
	return 0, false
}

// cacheModule names the module with the kernels for caches of type t, or is "" where those are always there.
func cacheModule(t gguf.Type) string {
	for i := range cacheTypes {
		if cacheTypes[i].typ == t {
			return cacheModules[i]
		}
	}
	return ""
}

var cacheModules = [len(cacheTypes)]string{cachePrefix + "KvBF16", cachePrefix + "KvQ8_0", cachePrefix + "KvQ4_0"}

// compileCache compiles the kernels that a tensor of type t needs if it is to be a cache.
func (d *Device) compileCache(t gguf.Type) error {
	name := cacheModule(t)
	if name == "" || d.modules[name] != nil {
		return nil
	}
	if err := d.compile(context.Background(), []string{name}); err != nil {
		return fmt.Errorf("gpu: kernels for a KV cache of type %s: %w", t, err)
	}
	return nil
}

// attendKernel picks the kernel for heads of d elements, at most 768, and says how many query heads a block of it takes.
func attendKernel(t gguf.Type, d, group int) (module, name string, heads int) {
	module = cacheModule(t)
	names := &attendCache
	switch {
	case module != "":
	case t == gguf.F16:
		module, names = "attention", &attendF16
	default:
		module, names = "attention", &attendF32
	}
	i := 0
	for d > attendSizes[i] {
		i++
	}
	row := names[i]
	switch {
	case row[0].name != "" && group == 1:
		return module, row[0].name, row[0].heads
	case row[2].name != "" && group > 4:
		return module, row[2].name, row[2].heads
	case row[1].name != "":
		return module, row[1].name, row[1].heads
	}
	return module, row[0].name, row[0].heads
}

// splitKernel is a kernel of attention.hip with the query heads that a block of it takes.
type splitKernel struct {
	name  string
	heads int
}

// The kernels by elements of a head, for one query head of a KV head, a few, and many.
var (
	attendSizes = [...]int{64, 128, 256, 512, 768}
	attendF16   = [len(attendSizes)][3]splitKernel{
		{{"attend_f16_1_8", 1}, {"attend_f16_4_8", 4}, {"attend_f16_8_8", 8}},
		{{"attend_f16_1_16", 1}, {"attend_f16_4_16", 4}, {"attend_f16_8_16", 8}},
		{{"attend_f16_1_32", 1}, {"attend_f16_4_32", 4}},
		{{"attend_f16_1_64", 1}, {"attend_f16_4_64", 4}},
		{{}, {"attend_f16_2_96", 2}},
	}
	attendF32 = [len(attendSizes)][3]splitKernel{
		{{"attend_f32_1_8", 1}, {"attend_f32_4_8", 4}}, {{"attend_f32_1_16", 1}, {"attend_f32_4_16", 4}},
		{{"attend_f32_1_32", 1}, {"attend_f32_4_32", 4}}, {{"attend_f32_1_64", 1}}, {{}, {"attend_f32_2_96", 2}},
	}
	attendCache = [len(attendSizes)][3]splitKernel{
		{{"attend_1_8", 1}, {"attend_4_8", 4}}, {{"attend_1_16", 1}, {"attend_4_16", 4}},
		{{"attend_1_32", 1}, {"attend_4_32", 4}}, {{"attend_1_64", 1}}, {{}, {"attend_2_96", 2}},
	}
)

// tileModule and partModule are attention_tile.hip for heads of 64, 128 and 256 elements and for those in between, over F16.
const (
	tileModule = "attention_tile"
	partModule = "attention_part"
)

// tile is a kernel of attention_tile.hip with the queries that a block of it takes; without a name where there is none.
type tile struct {
	module, name string
	queries      int
}

// tileKernel picks the kernel for many queries with keys of kd elements and values of vd.
func tileKernel(t gguf.Type, kd, vd int) tile {
	module := cacheModule(t)
	if t == gguf.F16 {
		module = tileModule
	}
	switch d := max(kd, vd); {
	case module == "" || d < 64 || d > 256:
		return tile{}
	case kd == vd && d == 64:
		return tile{module, "attend_tile_64", 64}
	case kd == vd && d == 128:
		return tile{module, "attend_tile_128", 64}
	case kd == vd && d == 256:
		return tile{module, "attend_tile_256", 32}
	case t != gguf.F16 || d <= 64:
		return tile{}
	case d <= 128:
		return tile{partModule, "attend_tile_part_128", 64}
	}
	return tile{partModule, "attend_tile_part_256", 32}
}
