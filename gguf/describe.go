package gguf

// fileTypes names general.file_type, numbered as enum llama_ftype in llama.h.
var fileTypes = map[uint64]string{
	0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1",
	10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M",
	16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S",
	22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
	28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0",
	37: "TQ2_0", 38: "MXFP4", 39: "NVFP4", 40: "Q1_0", 41: "Q2_0",
}

// fileTypeNumber is the inverse of fileTypes, for names that are in it.
func fileTypeNumber(name string) uint32 {
	for number, n := range fileTypes {
		if n == name {
			return uint32(number)
		}
	}
	return 0
}

// Quantisation names how the weights are stored, such as "Q4_K_M": what
// general.file_type says, otherwise the type that most values have, and "" for
// a file without tensors or file type.
func (f *File) Quantisation() string {
	if n, ok := f.Metadata.Uint("general.file_type"); ok {
		if name, ok := fileTypes[n]; ok {
			return name
		}
	}
	count := make(map[Type]int64)
	best := ""
	var most int64
	for _, t := range f.Tensors {
		count[t.Type] += t.Elements()
		if count[t.Type] > most {
			best, most = t.Type.String(), count[t.Type]
		}
	}
	return best
}

// Parameters is the number of values in all tensors.
func (f *File) Parameters() int64 {
	var n int64
	for _, t := range f.Tensors {
		n += t.Elements()
	}
	return n
}
