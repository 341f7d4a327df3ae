package gpu

import "tensoros/hw/reg"

// VendorNVIDIA is the PCI vendor; device numbers are in the chip tables.
const VendorNVIDIA = 0x10de

// BARs of the function.
const (
	RegisterBAR     = 0
	RegisterBARSize = 16 << 20
	VRAMBAR         = 1
)

// Offsets in BAR0. Sources: open-gpu-kernel-modules swref (ogkm), open-gpu-doc manuals (doc).
const (
	PMCBoot0   = 0x000000
	PMCBoot42  = 0x000a00
	VRAMSize   = 0x1183a4 // MiB; NV_PGC6_AON_SECURE_SCRATCH_GROUP_42
	VF         = 0xb80000 // per-function registers as the physical function sees them
	PDBLow     = VF + 0x30a0
	PDBHigh    = VF + 0x30a4
	Invalidate = VF + 0x30b0
	TimerLow   = VF + 0x30080
	TimerHigh  = VF + 0x30084
	Doorbell   = VF + 0x30090

	// Runlists announce their base and their channel RAM in a device table that is not modelled:
	// these two places are this model's own choice.
	Runlist   = 0xc00000
	ChannelRM = 0xc80000

	RunlistConfig   = Runlist + 0x004
	RunlistSubmitLo = Runlist + 0x080
	RunlistSubmitHi = Runlist + 0x084
	RunlistSubmit   = Runlist + 0x088
	RunlistInfo     = Runlist + 0x08c
)

// MaxChannels is the size of the channel RAM (NV_CHRAM_CHANNEL__SIZE_1).
const MaxChannels = 2048

// Fields.
var (
	Boot42Impl   = reg.Bits{Hi: 23, Lo: 20}
	Boot42Arch   = reg.Bits{Hi: 29, Lo: 24}
	TokenChannel = reg.Bits{Hi: 11, Lo: 0}
	TokenList    = reg.Bits{Hi: 22, Lo: 16}

	RunlistLength = reg.Bits{Hi: 15, Lo: 0}

	InvalidateTrigger = uint32(1) << 31
	InvalidateAllVA   = uint32(1) << 0
	InvalidateAllPDB  = uint32(1) << 1

	ChannelEnable  = uint32(1) << 1 // NV_CHRAM_CHANNEL_UPDATE_ENABLE_CHANNEL
	ChannelDisable = uint32(3)
	ChannelBusy    = uint32(1) << 3
	ChannelFaulted = uint32(1) << 4 // PBDMA_FAULTED
	ChannelResetFT = uint32(0x11)   // NV_CHRAM_CHANNEL_UPDATE_RESET_PBDMA_FAULTED
)

// Registers documents what the model implements of BAR0; it drives the reset values.
var Registers = reg.Table{
	{Name: "NV_PMC_BOOT_0", Off: PMCBoot0, Size: 4, Section: "ogkm swref/nv_ref.h"},
	{Name: "NV_PMC_BOOT_42", Off: PMCBoot42, Size: 4, Section: "ogkm swref/nv_ref.h"},
	{Name: "NV_PGC6_AON_SECURE_SCRATCH_GROUP_42", Off: VRAMSize, Size: 4,
		Section: "ogkm swref/ampere/ga102/dev_gc6_island.h"},
	{Name: "NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB", Off: PDBLow, Size: 4, RW: 0xffffffff,
		Section: "ogkm swref/ampere/ga100/dev_vm.h"},
	{Name: "NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB", Off: PDBHigh, Size: 4,
		RW: 0xffffffff, Section: "ogkm swref/ampere/ga100/dev_vm.h"},
	{Name: "NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE", Off: Invalidate, Size: 4, RW: 0x7fffffff,
		Section: "ogkm swref/ampere/ga100/dev_vm.h"},
	{Name: "NV_VIRTUAL_FUNCTION_TIME_0", Off: TimerLow, Size: 4, Section: "doc dev_usermode"},
	{Name: "NV_VIRTUAL_FUNCTION_TIME_1", Off: TimerHigh, Size: 4, Section: "doc dev_usermode"},
	{Name: "NV_VIRTUAL_FUNCTION_DOORBELL", Off: Doorbell, Size: 4, RW: 0xffffffff,
		Section: "doc dev_ctrl; ogkm class/clc361.h"},
	{Name: "NV_RUNLIST_CHANNEL_CONFIG", Off: RunlistConfig, Size: 4,
		Reset: ChannelRM | 11, Section: "doc ga100/dev_runlist"},
	{Name: "NV_RUNLIST_SUBMIT_BASE_LO", Off: RunlistSubmitLo, Size: 4, RW: 0xfffff003,
		Section: "doc ga100/dev_runlist"},
	{Name: "NV_RUNLIST_SUBMIT_BASE_HI", Off: RunlistSubmitHi, Size: 4, RW: 0xff,
		Section: "doc ga100/dev_runlist"},
	{Name: "NV_RUNLIST_SUBMIT", Off: RunlistSubmit, Size: 4, RW: 0xffffffff,
		Section: "doc ga100/dev_runlist"},
	{Name: "NV_RUNLIST_SUBMIT_INFO", Off: RunlistInfo, Size: 4, Section: "doc ga100/dev_runlist"},
}
