package app

import "time"

// ModelFile is a GGUF file that was found. Split files are one entry, that of their first part.
type ModelFile struct {
	Path         string
	Name         string // general.name, or the file's name
	Architecture string
	Quantisation string // "Q4_K_M"
	Parameters   int64
	Bytes        int64     // of all parts
	Context      int       // tokens the model was trained for; 0: unknown
	Supported    bool      // the engine knows the architecture
	Err          string    // why the file can't be used, in a sentence: broken, or of an unknown architecture; or empty
	Recent       time.Time // when it was last loaded; zero: never, or long ago
}
