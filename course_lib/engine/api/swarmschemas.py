"""The bodies of requests about swarms, services, nodes, secrets and configs.

Parts that this engine keeps and does not look into are :class:`Anything`.
"""

from __future__ import annotations

from course_lib.engine.api.gojson import (
    BOOL,
    INT64,
    STRING,
    STRING_MAP,
    STRINGS,
    Anything,
    ListOf,
    Scalar,
    Schema,
    Struct,
)
from course_lib.engine.api.schemas import HEALTHCHECK, MOUNT

_UINT64 = Scalar("uint64")
_UINT32 = Scalar("uint")

_ANNOTATIONS: dict[str, Schema] = {"Annotations.Name": STRING, "Annotations.Labels": STRING_MAP}

_FILE = Struct(
    "SecretReferenceFileTarget",
    {"Name": STRING, "UID": STRING, "GID": STRING, "Mode": _UINT32},
)
_CONTAINER = Struct(
    "ContainerSpec",
    {
        "Image": STRING,
        "Labels": STRING_MAP,
        "Command": STRINGS,
        "Args": STRINGS,
        "Hostname": STRING,
        "Env": STRINGS,
        "Dir": STRING,
        "User": STRING,
        "Groups": STRINGS,
        "Privileges": Anything(),
        "Init": BOOL,
        "StopSignal": STRING,
        "TTY": BOOL,
        "OpenStdin": BOOL,
        "ReadOnly": BOOL,
        "Mounts": ListOf(MOUNT, "[]mount.Mount"),
        "StopGracePeriod": INT64,
        "Healthcheck": HEALTHCHECK,
        "Hosts": STRINGS,
        "DNSConfig": Struct(
            "DNSConfig", {"Nameservers": STRINGS, "Search": STRINGS, "Options": STRINGS}
        ),
        "Secrets": ListOf(
            Struct("SecretReference", {"File": _FILE, "SecretID": STRING, "SecretName": STRING}),
            "[]*swarm.SecretReference",
        ),
        "Configs": ListOf(
            Struct(
                "ConfigReference",
                {"File": _FILE, "Runtime": Anything(), "ConfigID": STRING, "ConfigName": STRING},
            ),
            "[]*swarm.ConfigReference",
        ),
        "Isolation": STRING,
        "Sysctls": STRING_MAP,
        "CapabilityAdd": STRINGS,
        "CapabilityDrop": STRINGS,
        "Ulimits": Anything(),
        "OomScoreAdj": INT64,
    },
    "swarm.ContainerSpec",
)
_LIMITS: dict[str, Schema] = {"NanoCPUs": INT64, "MemoryBytes": INT64, "Pids": INT64}
_NETWORK = Struct(
    "NetworkAttachmentConfig",
    {"Target": STRING, "Aliases": STRINGS, "DriverOpts": STRING_MAP},
)
_TASK = Struct(
    "TaskSpec",
    {
        "ContainerSpec": _CONTAINER,
        "PluginSpec": Anything(),
        "NetworkAttachmentSpec": Anything(),
        "Resources": Struct(
            "ResourceRequirements",
            {
                "Limits": Struct("Limit", _LIMITS),
                "Reservations": Struct("Resources", {**_LIMITS, "GenericResources": Anything()}),
            },
        ),
        "RestartPolicy": Struct(
            "RestartPolicy",
            {"Condition": STRING, "Delay": INT64, "MaxAttempts": _UINT64, "Window": INT64},
        ),
        "Placement": Struct(
            "Placement",
            {
                "Constraints": STRINGS,
                "Preferences": Anything(),
                "MaxReplicas": _UINT64,
                "Platforms": Anything(),
            },
        ),
        "Networks": ListOf(_NETWORK, "[]swarm.NetworkAttachmentConfig"),
        "LogDriver": Struct("Driver", {"Name": STRING, "Options": STRING_MAP}),
        "ForceUpdate": _UINT64,
        "Runtime": STRING,
    },
)
_UPDATE = Struct(
    "UpdateConfig",
    {
        "Parallelism": _UINT64,
        "Delay": INT64,
        "FailureAction": STRING,
        "Monitor": INT64,
        "MaxFailureRatio": Scalar("float64"),
        "Order": STRING,
    },
)
_PORT = Struct(
    "PortConfig",
    {
        "Name": STRING,
        "Protocol": STRING,
        "TargetPort": _UINT32,
        "PublishedPort": _UINT32,
        "PublishMode": STRING,
    },
)

SERVICE_SPEC = Struct(
    "ServiceSpec",
    {
        **_ANNOTATIONS,
        "TaskTemplate": _TASK,
        "Mode": Struct(
            "ServiceMode",
            {
                "Replicated": Struct("ReplicatedService", {"Replicas": _UINT64}),
                "Global": Struct("GlobalService", {}),
                "ReplicatedJob": Struct("ReplicatedJob", {}),
                "GlobalJob": Struct("GlobalJob", {}),
            },
        ),
        "UpdateConfig": _UPDATE,
        "RollbackConfig": _UPDATE,
        "Networks": ListOf(_NETWORK, "[]swarm.NetworkAttachmentConfig"),
        "EndpointSpec": Struct(
            "EndpointSpec", {"Mode": STRING, "Ports": ListOf(_PORT, "[]swarm.PortConfig")}
        ),
    },
    "swarm.ServiceSpec",
)

NODE_SPEC = Struct(
    "NodeSpec", {**_ANNOTATIONS, "Role": STRING, "Availability": STRING}, "swarm.NodeSpec"
)

BLOB_SPEC = Struct(
    "SecretSpec",
    {**_ANNOTATIONS, "Data": STRING, "Driver": Anything(), "Templating": Anything()},
    "swarm.SecretSpec",
)

SWARM_SPEC = Struct(
    "Spec",
    {
        **_ANNOTATIONS,
        "Orchestration": Struct("OrchestrationConfig", {"TaskHistoryRetentionLimit": INT64}),
        "Raft": Struct(
            "RaftConfig",
            {
                "SnapshotInterval": _UINT64,
                "KeepOldSnapshots": _UINT64,
                "LogEntriesForSlowFollowers": _UINT64,
                "ElectionTick": INT64,
                "HeartbeatTick": INT64,
            },
        ),
        "Dispatcher": Struct("DispatcherConfig", {"HeartbeatPeriod": INT64}),
        "CAConfig": Struct(
            "CAConfig",
            {
                "NodeCertExpiry": INT64,
                "ExternalCAs": Anything(),
                "SigningCACert": STRING,
                "SigningCAKey": STRING,
                "ForceRotate": _UINT64,
            },
        ),
        "TaskDefaults": Struct("TaskDefaults", {"LogDriver": Anything()}),
        "EncryptionConfig": Struct("EncryptionConfig", {"AutoLockManagers": BOOL}),
    },
    "swarm.Spec",
)

SWARM_INIT = Struct(
    "InitRequest",
    {
        "ListenAddr": STRING,
        "AdvertiseAddr": STRING,
        "DataPathAddr": STRING,
        "DataPathPort": Scalar("uint"),
        "ForceNewCluster": BOOL,
        "Spec": SWARM_SPEC,
        "AutoLockManagers": BOOL,
        "Availability": STRING,
        "DefaultAddrPool": STRINGS,
        "SubnetSize": Scalar("uint"),
    },
    "swarm.InitRequest",
)

SWARM_JOIN = Struct(
    "JoinRequest",
    {
        "ListenAddr": STRING,
        "AdvertiseAddr": STRING,
        "DataPathAddr": STRING,
        "RemoteAddrs": STRINGS,
        "JoinToken": STRING,
        "Availability": STRING,
    },
    "swarm.JoinRequest",
)

SWARM_UNLOCK = Struct("UnlockRequest", {"UnlockKey": STRING}, "swarm.UnlockRequest")
