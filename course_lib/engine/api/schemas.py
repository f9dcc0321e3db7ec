"""The bodies of requests: which fields there are, of which type.

Names and types are those of Moby's ``api/types``; error texts follow from them.
"""

from __future__ import annotations

from course_lib.engine.api.gojson import (
    BOOL,
    DURATION,
    EMPTY,
    FILE_MODE,
    INT,
    INT64,
    STRING,
    STRING_MAP,
    STRINGS,
    Anything,
    ListOf,
    MapOf,
    Scalar,
    Schema,
    StringOrList,
    Struct,
)

_EMPTY_MAP = MapOf(EMPTY, "map[string]struct {}")

HEALTHCHECK = Struct(
    "HealthcheckConfig",
    {
        "Test": STRINGS,
        "Interval": DURATION,
        "Timeout": DURATION,
        "StartPeriod": DURATION,
        "StartInterval": DURATION,
        "Retries": INT,
    },
    "v1.HealthcheckConfig",
)

_CONFIG: dict[str, Schema] = {
    "Hostname": STRING,
    "Domainname": STRING,
    "User": STRING,
    "AttachStdin": BOOL,
    "AttachStdout": BOOL,
    "AttachStderr": BOOL,
    "ExposedPorts": MapOf(EMPTY, "nat.PortSet"),
    "Tty": BOOL,
    "OpenStdin": BOOL,
    "StdinOnce": BOOL,
    "Env": STRINGS,
    "Cmd": StringOrList(),
    "Healthcheck": HEALTHCHECK,
    "ArgsEscaped": BOOL,
    "Image": STRING,
    "Volumes": _EMPTY_MAP,
    "WorkingDir": STRING,
    "Entrypoint": StringOrList(),
    "NetworkDisabled": BOOL,
    "MacAddress": STRING,
    "OnBuild": STRINGS,
    "Labels": STRING_MAP,
    "StopSignal": STRING,
    "StopTimeout": INT,
    "Shell": StringOrList(),
}

_WEIGHT_DEVICE = Struct(
    "WeightDevice", {"Path": STRING, "Weight": Scalar("uint16")}, "blkiodev.WeightDevice"
)
_THROTTLE_DEVICE = Struct(
    "ThrottleDevice", {"Path": STRING, "Rate": Scalar("uint64")}, "blkiodev.ThrottleDevice"
)
_THROTTLES = ListOf(_THROTTLE_DEVICE, "[]*blkiodev.ThrottleDevice")

_RESOURCES: dict[str, Schema] = {
    "CpuShares": INT64,
    "Memory": INT64,
    "NanoCpus": INT64,
    "CgroupParent": STRING,
    "BlkioWeight": Scalar("uint16"),
    "BlkioWeightDevice": ListOf(_WEIGHT_DEVICE, "[]*blkiodev.WeightDevice"),
    "BlkioDeviceReadBps": _THROTTLES,
    "BlkioDeviceWriteBps": _THROTTLES,
    "BlkioDeviceReadIOps": _THROTTLES,
    "BlkioDeviceWriteIOps": _THROTTLES,
    "CpuPeriod": INT64,
    "CpuQuota": INT64,
    "CpuRealtimePeriod": INT64,
    "CpuRealtimeRuntime": INT64,
    "CpusetCpus": STRING,
    "CpusetMems": STRING,
    "Devices": ListOf(
        Struct(
            "DeviceMapping",
            {"PathOnHost": STRING, "PathInContainer": STRING, "CgroupPermissions": STRING},
            "container.DeviceMapping",
        ),
        "[]container.DeviceMapping",
    ),
    "DeviceCgroupRules": STRINGS,
    "DeviceRequests": ListOf(
        Struct(
            "DeviceRequest",
            {
                "Driver": STRING,
                "Count": INT,
                "DeviceIDs": STRINGS,
                "Capabilities": ListOf(STRINGS, "[][]string"),
                "Options": STRING_MAP,
            },
            "container.DeviceRequest",
        ),
        "[]container.DeviceRequest",
    ),
    "KernelMemory": INT64,
    "KernelMemoryTCP": INT64,
    "MemoryReservation": INT64,
    "MemorySwap": INT64,
    "MemorySwappiness": INT64,
    "OomKillDisable": BOOL,
    "PidsLimit": INT64,
    "Ulimits": ListOf(
        Struct("Ulimit", {"Name": STRING, "Hard": INT64, "Soft": INT64}, "units.Ulimit"),
        "[]*units.Ulimit",
    ),
    "CpuCount": INT64,
    "CpuPercent": INT64,
    "IOMaximumIOps": Scalar("uint64"),
    "IOMaximumBandwidth": Scalar("uint64"),
}

RESTART_POLICY = Struct(
    "RestartPolicy",
    {"Name": Scalar("container.RestartPolicyMode", "string"), "MaximumRetryCount": INT},
    "container.RestartPolicy",
)

MOUNT = Struct(
    "Mount",
    {
        "Type": Scalar("mount.Type", "string"),
        "Source": STRING,
        "Target": STRING,
        "ReadOnly": BOOL,
        "Consistency": Scalar("mount.Consistency", "string"),
        "BindOptions": Struct(
            "BindOptions",
            {
                "Propagation": Scalar("mount.Propagation", "string"),
                "NonRecursive": BOOL,
                "CreateMountpoint": BOOL,
                "ReadOnlyNonRecursive": BOOL,
                "ReadOnlyForceRecursive": BOOL,
            },
            "mount.BindOptions",
        ),
        "VolumeOptions": Struct(
            "VolumeOptions",
            {
                "NoCopy": BOOL,
                "Labels": STRING_MAP,
                "Subpath": STRING,
                "DriverConfig": Struct(
                    "Driver", {"Name": STRING, "Options": STRING_MAP}, "mount.Driver"
                ),
            },
            "mount.VolumeOptions",
        ),
        "TmpfsOptions": Struct(
            "TmpfsOptions",
            {"SizeBytes": INT64, "Mode": FILE_MODE, "Options": Anything()},
            "mount.TmpfsOptions",
        ),
        "ClusterOptions": Anything(),
    },
    "mount.Mount",
)

_PORT_BINDING = Struct("PortBinding", {"HostIp": STRING, "HostPort": STRING}, "nat.PortBinding")

HOST_CONFIG = Struct(
    "HostConfig",
    {
        "Binds": STRINGS,
        "ContainerIDFile": STRING,
        "LogConfig": Struct(
            "LogConfig", {"Type": STRING, "Config": STRING_MAP}, "container.LogConfig"
        ),
        "NetworkMode": Scalar("container.NetworkMode", "string"),
        "PortBindings": MapOf(ListOf(_PORT_BINDING, "[]nat.PortBinding"), "nat.PortMap"),
        "RestartPolicy": RESTART_POLICY,
        "AutoRemove": BOOL,
        "VolumeDriver": STRING,
        "VolumesFrom": STRINGS,
        "ConsoleSize": ListOf(Scalar("uint"), "[2]uint"),
        "Annotations": STRING_MAP,
        "CapAdd": StringOrList(),
        "CapDrop": StringOrList(),
        "CgroupnsMode": Scalar("container.CgroupnsMode", "string"),
        "Dns": STRINGS,
        "DnsOptions": STRINGS,
        "DnsSearch": STRINGS,
        "ExtraHosts": STRINGS,
        "GroupAdd": STRINGS,
        "IpcMode": Scalar("container.IpcMode", "string"),
        "Cgroup": Scalar("container.CgroupSpec", "string"),
        "Links": STRINGS,
        "OomScoreAdj": INT,
        "PidMode": Scalar("container.PidMode", "string"),
        "Privileged": BOOL,
        "PublishAllPorts": BOOL,
        "ReadonlyRootfs": BOOL,
        "SecurityOpt": STRINGS,
        "StorageOpt": STRING_MAP,
        "Tmpfs": STRING_MAP,
        "UTSMode": Scalar("container.UTSMode", "string"),
        "UsernsMode": Scalar("container.UsernsMode", "string"),
        "ShmSize": INT64,
        "Sysctls": STRING_MAP,
        "Runtime": STRING,
        "Isolation": Scalar("container.Isolation", "string"),
        "Mounts": ListOf(MOUNT, "[]mount.Mount"),
        "MaskedPaths": STRINGS,
        "ReadonlyPaths": STRINGS,
        "Init": BOOL,
        **{f"Resources.{name}": schema for name, schema in _RESOURCES.items()},
    },
    "container.HostConfig",
)

ENDPOINT_SETTINGS = Struct(
    "EndpointSettings",
    {
        "IPAMConfig": Struct(
            "EndpointIPAMConfig",
            {"IPv4Address": STRING, "IPv6Address": STRING, "LinkLocalIPs": STRINGS},
            "network.EndpointIPAMConfig",
        ),
        "Links": STRINGS,
        "Aliases": STRINGS,
        "MacAddress": STRING,
        "DriverOpts": STRING_MAP,
        "NetworkID": STRING,
        "EndpointID": STRING,
        "Gateway": STRING,
        "IPAddress": STRING,
        "IPPrefixLen": INT,
        "IPv6Gateway": STRING,
        "GlobalIPv6Address": STRING,
        "GlobalIPv6PrefixLen": INT,
        "DNSNames": STRINGS,
    },
    "network.EndpointSettings",
)

CONTAINER_CREATE = Struct(
    "ContainerConfigWrapper",
    {
        **{f"Config.{name}": schema for name, schema in _CONFIG.items()},
        "HostConfig": HOST_CONFIG,
        "NetworkingConfig": Struct(
            "NetworkingConfig",
            {"EndpointsConfig": MapOf(ENDPOINT_SETTINGS, "map[string]*network.EndpointSettings")},
            "network.NetworkingConfig",
        ),
    },
    "runconfig.ContainerConfigWrapper",
)

CONTAINER_UPDATE = Struct(
    "UpdateConfig",
    {
        **{f"Resources.{name}": schema for name, schema in _RESOURCES.items()},
        "RestartPolicy": RESTART_POLICY,
    },
    "container.UpdateConfig",
)

EXEC_CREATE = Struct(
    "ExecConfig",
    {
        "User": STRING,
        "Privileged": BOOL,
        "Tty": BOOL,
        "ConsoleSize": ListOf(Scalar("uint"), "[2]uint"),
        "AttachStdin": BOOL,
        "AttachStderr": BOOL,
        "AttachStdout": BOOL,
        "Detach": BOOL,
        "DetachKeys": STRING,
        "Env": STRINGS,
        "WorkingDir": STRING,
        "Cmd": STRINGS,
    },
    "types.ExecConfig",
)

EXEC_START = Struct(
    "ExecStartCheck",
    {"Detach": BOOL, "Tty": BOOL, "ConsoleSize": ListOf(Scalar("uint"), "[2]uint")},
    "types.ExecStartCheck",
)

NETWORK_CREATE = Struct(
    "NetworkCreateRequest",
    {
        "Name": STRING,
        "NetworkCreate.CheckDuplicate": BOOL,
        "NetworkCreate.Driver": STRING,
        "NetworkCreate.Scope": STRING,
        "NetworkCreate.EnableIPv6": BOOL,
        "NetworkCreate.IPAM": Struct(
            "IPAM",
            {
                "Driver": STRING,
                "Options": STRING_MAP,
                "Config": ListOf(
                    Struct(
                        "IPAMConfig",
                        {
                            "Subnet": STRING,
                            "IPRange": STRING,
                            "Gateway": STRING,
                            "AuxiliaryAddresses": STRING_MAP,
                        },
                        "network.IPAMConfig",
                    ),
                    "[]network.IPAMConfig",
                ),
            },
            "network.IPAM",
        ),
        "NetworkCreate.Internal": BOOL,
        "NetworkCreate.Attachable": BOOL,
        "NetworkCreate.Ingress": BOOL,
        "NetworkCreate.ConfigOnly": BOOL,
        "NetworkCreate.ConfigFrom": Struct(
            "ConfigReference", {"Network": STRING}, "network.ConfigReference"
        ),
        "NetworkCreate.Options": STRING_MAP,
        "NetworkCreate.Labels": STRING_MAP,
    },
    "types.NetworkCreateRequest",
)

NETWORK_CONNECT = Struct(
    "NetworkConnect",
    {"Container": STRING, "EndpointConfig": ENDPOINT_SETTINGS},
    "types.NetworkConnect",
)

NETWORK_DISCONNECT = Struct(
    "NetworkDisconnect", {"Container": STRING, "Force": BOOL}, "types.NetworkDisconnect"
)

VOLUME_CREATE = Struct(
    "CreateOptions",
    {
        "Name": STRING,
        "Driver": STRING,
        "DriverOpts": STRING_MAP,
        "Labels": STRING_MAP,
        "ClusterVolumeSpec": Anything(),
    },
    "volume.CreateOptions",
)
