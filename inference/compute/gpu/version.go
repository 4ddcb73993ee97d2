package gpu

// KernelsVersion identifies the kernels' sources and options for warps of so many threads: results of a self-test are true
// of that version only.
func KernelsVersion(warp int) string {
	hash, err := kernelsHash(warp)
	if err != nil {
		return err.Error() // as good a name as any for kernels that can't be read
	}
	return hash
}
