"""The samplers that a sweep can use, by name; `schedulers` has the classes."""

SAMPLERS = {
    "dpm++": "DPMSolverMultistepScheduler",
    "unipc": "UniPCMultistepScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
    "flow_euler": "FlowMatchEulerDiscreteScheduler",
}
"""Samplers that can be joined anywhere in their grid: the short name, and diffusers' class."""
