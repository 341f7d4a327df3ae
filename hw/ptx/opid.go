package ptx

// OpID names what an instruction does; a lowering pass switches on it. Several rows of the table
// may share one OpID (integer and float add): the types tell them apart.
type OpID uint16

// One OpID for each operation of the PTX ISA that the table knows.
const (
	OpNone OpID = iota
	OpAdd
	OpSub
	OpAddc
	OpSubc
	OpMul
	OpMad
	OpMadc
	OpMul24
	OpMad24
	OpSad
	OpDiv
	OpRem
	OpAbs
	OpNeg
	OpMin
	OpMax
	OpFma
	OpRcp
	OpSqrt
	OpRsqrt
	OpSin
	OpCos
	OpLg2
	OpEx2
	OpTanh
	OpTestp
	OpCopysign
	OpDp4a
	OpDp2a
	OpVadd2
	OpVsub2
	OpVavrg2
	OpVabsdiff2
	OpVmin2
	OpVmax2
	OpVset2
	OpVadd4
	OpVsub4
	OpVavrg4
	OpVabsdiff4
	OpVmin4
	OpVmax4
	OpVset4
	OpPopc
	OpClz
	OpBfind
	OpFns
	OpBrev
	OpBfe
	OpBfi
	OpSzext
	OpBmsk
	OpSet
	OpSetp
	OpSelp
	OpSlct
	OpAnd
	OpOr
	OpXor
	OpNot
	OpCnot
	OpLop3
	OpShf
	OpShl
	OpShr
	OpPrmt
	OpMov
	OpCvta
	OpCvtaTo
	OpIsspacep
	OpMapa
	OpGetctarank
	OpCvt
	OpCvtPack
	OpCreatepolicyFractional
	OpLd
	OpLdu
	OpSt
	OpStAsync
	OpPrefetch
	OpPrefetchu
	OpApplypriority
	OpDiscard
	OpCpAsync
	OpCpAsyncCommitGroup
	OpCpAsyncWaitGroup
	OpCpAsyncWaitAll
	OpCpAsyncMbarrierArrive
	OpCpAsyncBulk
	OpCpAsyncBulkPrefetch
	OpCpReduceAsyncBulk
	OpCpAsyncBulkTensor
	OpCpAsyncBulkPrefetchTensor
	OpCpReduceAsyncBulkTensor
	OpCpAsyncBulkCommitGroup
	OpCpAsyncBulkWaitGroup
	OpTex
	OpTexLevel
	OpSuld
	OpSust
	OpLdmatrix
	OpStmatrix
	OpMovmatrix
	OpMma
	OpMmaSp
	OpWmmaLoad
	OpWmmaStore
	OpWmmaMma
	OpWgmmaFence
	OpWgmmaCommitGroup
	OpWgmmaWaitGroup
	OpWgmmaMmaAsync
	OpBarSync
	OpBarArrive
	OpBarRed
	OpBarWarpSync
	OpBarrierSync
	OpBarrierArrive
	OpBarrierRed
	OpBarrierClusterArrive
	OpBarrierClusterWait
	OpMembar
	OpFence
	OpFenceProxy
	OpFenceMbarrierInit
	OpAtom
	OpRed
	OpRedAsync
	OpVote
	OpActivemask
	OpMatch
	OpRedux
	OpShfl
	OpElect
	OpGriddepcontrol
	OpMbarrierInit
	OpMbarrierInval
	OpMbarrierExpectTx
	OpMbarrierCompleteTx
	OpMbarrierArrive
	OpMbarrierArriveExpectTx
	OpMbarrierArriveNoComplete
	OpMbarrierArriveDrop
	OpMbarrierArriveDropExpectTx
	OpMbarrierArriveDropNoComplete
	OpMbarrierTestWait
	OpMbarrierTryWait
	OpMbarrierPendingCount
	OpBra
	OpBrx
	OpCall
	OpRet
	OpExit
	OpTrap
	OpBrkpt
	OpNanosleep
	OpPmevent
	OpSetmaxnreg
	OpAlloca
	OpStacksave
	OpStackrestore
	opEnd
)

var opNames = [opEnd]string{
	OpAdd:                          "add",
	OpSub:                          "sub",
	OpAddc:                         "addc",
	OpSubc:                         "subc",
	OpMul:                          "mul",
	OpMad:                          "mad",
	OpMadc:                         "madc",
	OpMul24:                        "mul24",
	OpMad24:                        "mad24",
	OpSad:                          "sad",
	OpDiv:                          "div",
	OpRem:                          "rem",
	OpAbs:                          "abs",
	OpNeg:                          "neg",
	OpMin:                          "min",
	OpMax:                          "max",
	OpFma:                          "fma",
	OpRcp:                          "rcp",
	OpSqrt:                         "sqrt",
	OpRsqrt:                        "rsqrt",
	OpSin:                          "sin",
	OpCos:                          "cos",
	OpLg2:                          "lg2",
	OpEx2:                          "ex2",
	OpTanh:                         "tanh",
	OpTestp:                        "testp",
	OpCopysign:                     "copysign",
	OpDp4a:                         "dp4a",
	OpDp2a:                         "dp2a",
	OpVadd2:                        "vadd2",
	OpVsub2:                        "vsub2",
	OpVavrg2:                       "vavrg2",
	OpVabsdiff2:                    "vabsdiff2",
	OpVmin2:                        "vmin2",
	OpVmax2:                        "vmax2",
	OpVset2:                        "vset2",
	OpVadd4:                        "vadd4",
	OpVsub4:                        "vsub4",
	OpVavrg4:                       "vavrg4",
	OpVabsdiff4:                    "vabsdiff4",
	OpVmin4:                        "vmin4",
	OpVmax4:                        "vmax4",
	OpVset4:                        "vset4",
	OpPopc:                         "popc",
	OpClz:                          "clz",
	OpBfind:                        "bfind",
	OpFns:                          "fns",
	OpBrev:                         "brev",
	OpBfe:                          "bfe",
	OpBfi:                          "bfi",
	OpSzext:                        "szext",
	OpBmsk:                         "bmsk",
	OpSet:                          "set",
	OpSetp:                         "setp",
	OpSelp:                         "selp",
	OpSlct:                         "slct",
	OpAnd:                          "and",
	OpOr:                           "or",
	OpXor:                          "xor",
	OpNot:                          "not",
	OpCnot:                         "cnot",
	OpLop3:                         "lop3",
	OpShf:                          "shf",
	OpShl:                          "shl",
	OpShr:                          "shr",
	OpPrmt:                         "prmt",
	OpMov:                          "mov",
	OpCvta:                         "cvta",
	OpCvtaTo:                       "cvta.to",
	OpIsspacep:                     "isspacep",
	OpMapa:                         "mapa",
	OpGetctarank:                   "getctarank",
	OpCvt:                          "cvt",
	OpCvtPack:                      "cvt.pack",
	OpCreatepolicyFractional:       "createpolicy.fractional",
	OpLd:                           "ld",
	OpLdu:                          "ldu",
	OpSt:                           "st",
	OpStAsync:                      "st.async",
	OpPrefetch:                     "prefetch",
	OpPrefetchu:                    "prefetchu",
	OpApplypriority:                "applypriority",
	OpDiscard:                      "discard",
	OpCpAsync:                      "cp.async",
	OpCpAsyncCommitGroup:           "cp.async.commit_group",
	OpCpAsyncWaitGroup:             "cp.async.wait_group",
	OpCpAsyncWaitAll:               "cp.async.wait_all",
	OpCpAsyncMbarrierArrive:        "cp.async.mbarrier.arrive",
	OpCpAsyncBulk:                  "cp.async.bulk",
	OpCpAsyncBulkPrefetch:          "cp.async.bulk.prefetch",
	OpCpReduceAsyncBulk:            "cp.reduce.async.bulk",
	OpCpAsyncBulkTensor:            "cp.async.bulk.tensor",
	OpCpAsyncBulkPrefetchTensor:    "cp.async.bulk.prefetch.tensor",
	OpCpReduceAsyncBulkTensor:      "cp.reduce.async.bulk.tensor",
	OpCpAsyncBulkCommitGroup:       "cp.async.bulk.commit_group",
	OpCpAsyncBulkWaitGroup:         "cp.async.bulk.wait_group",
	OpTex:                          "tex",
	OpTexLevel:                     "tex.level",
	OpSuld:                         "suld",
	OpSust:                         "sust",
	OpLdmatrix:                     "ldmatrix",
	OpStmatrix:                     "stmatrix",
	OpMovmatrix:                    "movmatrix",
	OpMma:                          "mma",
	OpMmaSp:                        "mma.sp",
	OpWmmaLoad:                     "wmma.load",
	OpWmmaStore:                    "wmma.store",
	OpWmmaMma:                      "wmma.mma",
	OpWgmmaFence:                   "wgmma.fence",
	OpWgmmaCommitGroup:             "wgmma.commit_group",
	OpWgmmaWaitGroup:               "wgmma.wait_group",
	OpWgmmaMmaAsync:                "wgmma.mma_async",
	OpBarSync:                      "bar.sync",
	OpBarArrive:                    "bar.arrive",
	OpBarRed:                       "bar.red",
	OpBarWarpSync:                  "bar.warp.sync",
	OpBarrierSync:                  "barrier.sync",
	OpBarrierArrive:                "barrier.arrive",
	OpBarrierRed:                   "barrier.red",
	OpBarrierClusterArrive:         "barrier.cluster.arrive",
	OpBarrierClusterWait:           "barrier.cluster.wait",
	OpMembar:                       "membar",
	OpFence:                        "fence",
	OpFenceProxy:                   "fence.proxy",
	OpFenceMbarrierInit:            "fence.mbarrier_init",
	OpAtom:                         "atom",
	OpRed:                          "red",
	OpRedAsync:                     "red.async",
	OpVote:                         "vote",
	OpActivemask:                   "activemask",
	OpMatch:                        "match",
	OpRedux:                        "redux",
	OpShfl:                         "shfl",
	OpElect:                        "elect",
	OpGriddepcontrol:               "griddepcontrol",
	OpMbarrierInit:                 "mbarrier.init",
	OpMbarrierInval:                "mbarrier.inval",
	OpMbarrierExpectTx:             "mbarrier.expect_tx",
	OpMbarrierCompleteTx:           "mbarrier.complete_tx",
	OpMbarrierArrive:               "mbarrier.arrive",
	OpMbarrierArriveExpectTx:       "mbarrier.arrive.expect_tx",
	OpMbarrierArriveNoComplete:     "mbarrier.arrive.noComplete",
	OpMbarrierArriveDrop:           "mbarrier.arrive_drop",
	OpMbarrierArriveDropExpectTx:   "mbarrier.arrive_drop.expect_tx",
	OpMbarrierArriveDropNoComplete: "mbarrier.arrive_drop.noComplete",
	OpMbarrierTestWait:             "mbarrier.test_wait",
	OpMbarrierTryWait:              "mbarrier.try_wait",
	OpMbarrierPendingCount:         "mbarrier.pending_count",
	OpBra:                          "bra",
	OpBrx:                          "brx",
	OpCall:                         "call",
	OpRet:                          "ret",
	OpExit:                         "exit",
	OpTrap:                         "trap",
	OpBrkpt:                        "brkpt",
	OpNanosleep:                    "nanosleep",
	OpPmevent:                      "pmevent",
	OpSetmaxnreg:                   "setmaxnreg",
	OpAlloca:                       "alloca",
	OpStacksave:                    "stacksave",
	OpStackrestore:                 "stackrestore",
}
