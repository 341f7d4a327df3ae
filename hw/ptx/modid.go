package ptx

// Mod is one modifier of an instruction, without its dot: a type, a word such as ftz or
// shared::cta, or a matrix shape. Values below typeEnd are the [Type] of the same number.
type Mod uint16

// Words, alphabetically. Shapes follow, then the wgmma shapes, numbered when the table is built.
const (
	ModDim1D Mod = iota + Mod(typeEnd)
	ModDim2D
	ModDim3D
	ModDim4D
	ModDim5D
	ModA
	ModA1d
	ModA2d
	ModAbs
	ModAcqRel
	ModAcquire
	ModAcube
	ModAdd
	ModAlias
	ModAligned
	ModAll
	ModAnd
	ModAny
	ModApprox
	ModArrive
	ModArriveDrop
	ModAsync
	ModB
	ModB4e
	ModBallot
	ModBfly
	ModBulk
	ModBulkGroup
	ModC
	ModCa
	ModCas
	ModCc
	ModCg
	ModClamp
	ModCluster
	ModCol
	ModCommitGroup
	ModCompleteTx
	ModConst
	ModCs
	ModCta
	ModCube
	ModCv
	ModD
	ModDec
	ModDown
	ModEcl
	ModEcr
	ModEq
	ModEqu
	ModExch
	ModExpectTx
	ModF4e
	ModFence
	ModFinite
	ModFractional
	ModFtz
	ModFull
	ModGe
	ModGeu
	ModGl
	ModGlobal
	ModGpu
	ModGt
	ModGtu
	ModHi
	ModHs
	ModIdx
	ModIm2col
	ModIm2colNoOffs
	ModInc
	ModInfinite
	ModInit
	ModInval
	ModL
	ModL1
	ModL1EvictFirst
	ModL1EvictLast
	ModL1EvictNormal
	ModL1EvictUnchanged
	ModL1NoAllocate
	ModL2
	ModL2128B
	ModL2256B
	ModL264B
	ModL2CacheHint
	ModL2EvictFirst
	ModL2EvictLast
	ModL2EvictNormal
	ModL2EvictUnchanged
	ModLaunchDependents
	ModLe
	ModLeu
	ModLevel
	ModLo
	ModLoad
	ModLocal
	ModLs
	ModLt
	ModLtu
	ModLu
	ModMask
	ModMax
	ModMbarrier
	ModMbarrierCompleteTxBytes
	ModMbarrierInit
	ModMin
	ModMma
	ModMmaAsync
	ModMmio
	ModMulticastCluster
	ModNaN
	ModCmpNan
	ModNc
	ModNe
	ModNeu
	ModNoComplete
	ModNoftz
	ModNoinc
	ModNormal
	ModNotanumber
	ModNum
	ModNumber
	ModOr
	ModPack
	ModParam
	ModParamEntry
	ModParamFunc
	ModParity
	ModPendingCount
	ModPopc
	ModPrefetch
	ModProxy
	ModR
	ModRc16
	ModRc8
	ModRead
	ModRed
	ModReduce
	ModRelaxed
	ModRelease
	ModRelu
	ModRm
	ModRmi
	ModRn
	ModRna
	ModRni
	ModRow
	ModRp
	ModRpi
	ModRz
	ModRzi
	ModSat
	ModSatfinite
	ModSc
	ModShared
	ModSharedCluster
	ModSharedCta
	ModShiftamt
	ModSp
	ModSpOrderedMetadata
	ModStore
	ModSubnormal
	ModSync
	ModSys
	ModTensor
	ModTensormap
	ModTensormapGeneric
	ModTestWait
	ModTile
	ModTo
	ModTrans
	ModTrap
	ModTryWait
	ModUni
	ModUp
	ModV2
	ModV4
	ModVolatile
	ModWait
	ModWaitAll
	ModWaitGroup
	ModWarp
	ModWb
	ModWeak
	ModWide
	ModWrap
	ModWt
	ModX1
	ModX2
	ModX4
	ModXor
	ModXorsign
	ModZero
	ModM8n8
	ModM8n8k4
	ModM8n8k16
	ModM8n8k32
	ModM8n8k128
	ModM8n32k16
	ModM16n8k4
	ModM16n8k8
	ModM16n8k16
	ModM16n8k32
	ModM16n8k64
	ModM16n8k128
	ModM16n8k256
	ModM16n16k8
	ModM16n16k16
	ModM32n8k16
	modEnd
)

var wordNames = [...]string{
	ModDim1D:                   "1d",
	ModDim2D:                   "2d",
	ModDim3D:                   "3d",
	ModDim4D:                   "4d",
	ModDim5D:                   "5d",
	ModA:                       "a",
	ModA1d:                     "a1d",
	ModA2d:                     "a2d",
	ModAbs:                     "abs",
	ModAcqRel:                  "acq_rel",
	ModAcquire:                 "acquire",
	ModAcube:                   "acube",
	ModAdd:                     "add",
	ModAlias:                   "alias",
	ModAligned:                 "aligned",
	ModAll:                     "all",
	ModAnd:                     "and",
	ModAny:                     "any",
	ModApprox:                  "approx",
	ModArrive:                  "arrive",
	ModArriveDrop:              "arrive_drop",
	ModAsync:                   "async",
	ModB:                       "b",
	ModB4e:                     "b4e",
	ModBallot:                  "ballot",
	ModBfly:                    "bfly",
	ModBulk:                    "bulk",
	ModBulkGroup:               "bulk_group",
	ModC:                       "c",
	ModCa:                      "ca",
	ModCas:                     "cas",
	ModCc:                      "cc",
	ModCg:                      "cg",
	ModClamp:                   "clamp",
	ModCluster:                 "cluster",
	ModCol:                     "col",
	ModCommitGroup:             "commit_group",
	ModCompleteTx:              "complete_tx",
	ModConst:                   "const",
	ModCs:                      "cs",
	ModCta:                     "cta",
	ModCube:                    "cube",
	ModCv:                      "cv",
	ModD:                       "d",
	ModDec:                     "dec",
	ModDown:                    "down",
	ModEcl:                     "ecl",
	ModEcr:                     "ecr",
	ModEq:                      "eq",
	ModEqu:                     "equ",
	ModExch:                    "exch",
	ModExpectTx:                "expect_tx",
	ModF4e:                     "f4e",
	ModFence:                   "fence",
	ModFinite:                  "finite",
	ModFractional:              "fractional",
	ModFtz:                     "ftz",
	ModFull:                    "full",
	ModGe:                      "ge",
	ModGeu:                     "geu",
	ModGl:                      "gl",
	ModGlobal:                  "global",
	ModGpu:                     "gpu",
	ModGt:                      "gt",
	ModGtu:                     "gtu",
	ModHi:                      "hi",
	ModHs:                      "hs",
	ModIdx:                     "idx",
	ModIm2col:                  "im2col",
	ModIm2colNoOffs:            "im2col_no_offs",
	ModInc:                     "inc",
	ModInfinite:                "infinite",
	ModInit:                    "init",
	ModInval:                   "inval",
	ModL:                       "l",
	ModL1:                      "L1",
	ModL1EvictFirst:            "L1::evict_first",
	ModL1EvictLast:             "L1::evict_last",
	ModL1EvictNormal:           "L1::evict_normal",
	ModL1EvictUnchanged:        "L1::evict_unchanged",
	ModL1NoAllocate:            "L1::no_allocate",
	ModL2:                      "L2",
	ModL2128B:                  "L2::128B",
	ModL2256B:                  "L2::256B",
	ModL264B:                   "L2::64B",
	ModL2CacheHint:             "L2::cache_hint",
	ModL2EvictFirst:            "L2::evict_first",
	ModL2EvictLast:             "L2::evict_last",
	ModL2EvictNormal:           "L2::evict_normal",
	ModL2EvictUnchanged:        "L2::evict_unchanged",
	ModLaunchDependents:        "launch_dependents",
	ModLe:                      "le",
	ModLeu:                     "leu",
	ModLevel:                   "level",
	ModLo:                      "lo",
	ModLoad:                    "load",
	ModLocal:                   "local",
	ModLs:                      "ls",
	ModLt:                      "lt",
	ModLtu:                     "ltu",
	ModLu:                      "lu",
	ModMask:                    "mask",
	ModMax:                     "max",
	ModMbarrier:                "mbarrier",
	ModMbarrierCompleteTxBytes: "mbarrier::complete_tx::bytes",
	ModMbarrierInit:            "mbarrier_init",
	ModMin:                     "min",
	ModMma:                     "mma",
	ModMmaAsync:                "mma_async",
	ModMmio:                    "mmio",
	ModMulticastCluster:        "multicast::cluster",
	ModNaN:                     "NaN",
	ModCmpNan:                  "nan",
	ModNc:                      "nc",
	ModNe:                      "ne",
	ModNeu:                     "neu",
	ModNoComplete:              "noComplete",
	ModNoftz:                   "noftz",
	ModNoinc:                   "noinc",
	ModNormal:                  "normal",
	ModNotanumber:              "notanumber",
	ModNum:                     "num",
	ModNumber:                  "number",
	ModOr:                      "or",
	ModPack:                    "pack",
	ModParam:                   "param",
	ModParamEntry:              "param::entry",
	ModParamFunc:               "param::func",
	ModParity:                  "parity",
	ModPendingCount:            "pending_count",
	ModPopc:                    "popc",
	ModPrefetch:                "prefetch",
	ModProxy:                   "proxy",
	ModR:                       "r",
	ModRc16:                    "rc16",
	ModRc8:                     "rc8",
	ModRead:                    "read",
	ModRed:                     "red",
	ModReduce:                  "reduce",
	ModRelaxed:                 "relaxed",
	ModRelease:                 "release",
	ModRelu:                    "relu",
	ModRm:                      "rm",
	ModRmi:                     "rmi",
	ModRn:                      "rn",
	ModRna:                     "rna",
	ModRni:                     "rni",
	ModRow:                     "row",
	ModRp:                      "rp",
	ModRpi:                     "rpi",
	ModRz:                      "rz",
	ModRzi:                     "rzi",
	ModSat:                     "sat",
	ModSatfinite:               "satfinite",
	ModSc:                      "sc",
	ModShared:                  "shared",
	ModSharedCluster:           "shared::cluster",
	ModSharedCta:               "shared::cta",
	ModShiftamt:                "shiftamt",
	ModSp:                      "sp",
	ModSpOrderedMetadata:       "sp::ordered_metadata",
	ModStore:                   "store",
	ModSubnormal:               "subnormal",
	ModSync:                    "sync",
	ModSys:                     "sys",
	ModTensor:                  "tensor",
	ModTensormap:               "tensormap",
	ModTensormapGeneric:        "tensormap::generic",
	ModTestWait:                "test_wait",
	ModTile:                    "tile",
	ModTo:                      "to",
	ModTrans:                   "trans",
	ModTrap:                    "trap",
	ModTryWait:                 "try_wait",
	ModUni:                     "uni",
	ModUp:                      "up",
	ModV2:                      "v2",
	ModV4:                      "v4",
	ModVolatile:                "volatile",
	ModWait:                    "wait",
	ModWaitAll:                 "wait_all",
	ModWaitGroup:               "wait_group",
	ModWarp:                    "warp",
	ModWb:                      "wb",
	ModWeak:                    "weak",
	ModWide:                    "wide",
	ModWrap:                    "wrap",
	ModWt:                      "wt",
	ModX1:                      "x1",
	ModX2:                      "x2",
	ModX4:                      "x4",
	ModXor:                     "xor",
	ModXorsign:                 "xorsign",
	ModZero:                    "zero",
	ModM8n8:                    "m8n8",
	ModM8n8k4:                  "m8n8k4",
	ModM8n8k16:                 "m8n8k16",
	ModM8n8k32:                 "m8n8k32",
	ModM8n8k128:                "m8n8k128",
	ModM8n32k16:                "m8n32k16",
	ModM16n8k4:                 "m16n8k4",
	ModM16n8k8:                 "m16n8k8",
	ModM16n8k16:                "m16n8k16",
	ModM16n8k32:                "m16n8k32",
	ModM16n8k64:                "m16n8k64",
	ModM16n8k128:               "m16n8k128",
	ModM16n8k256:               "m16n8k256",
	ModM16n16k8:                "m16n16k8",
	ModM16n16k16:               "m16n16k16",
	ModM32n8k16:                "m32n8k16",
}
