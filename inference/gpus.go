package inference

import (
	"context"
	"errors"

	"burble/inference/compute"
)

// systemGPUs are the GPUs of this machine.
func systemGPUs() gpuSource { return noGPUs{} }

type noGPUs struct{}

func (noGPUs) Devices() ([]DeviceInfo, error) {
	return nil, errors.New("this build has no GPU support")
}
func (noGPUs) Open(context.Context, int, func(int, int)) (compute.Device, error) {
	return nil, errors.New("this build has no GPU support")
}
