"""The bodies of requests about swarms, services, nodes, secrets and configs.

Parts that this engine keeps and does not look into are :class:`Anything`.
"""

from __future__ import annotations

from course_lib.engine.api.gojson import (
    BOOL,
    DURATION,
    FILE_MODE,
    INT,
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
_UINT32 = Scalar("uint32")

_ANNOTATIONS: dict[str, Schema] = {"Annotations.Name": STRING, "Annotations.Labels": STRING_MAP}

_FILE: dict[str, Schema] = {"Name": STRING, "UID": STRING, "GID": STRING, "Mode": FILE_MODE}
_SECRET_FILE = Struct("SecretReferenceFileTarget", _FILE, "swarm.SecretReferenceFileTarget")
_CONFIG_FILE = Struct("ConfigReferenceFileTarget", _FILE, "swarm.ConfigReferenceFileTarget")
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
        "StopGracePeriod": DURATION,
        "Healthcheck": HEALTHCHECK,
        "Hosts": STRINGS,
        "DNSConfig": Struct(
            "DNSConfig",
            {"Nameservers": STRINGS, "Search": STRINGS, "Options": STRINGS},
            "swarm.DNSConfig",
        ),
        "Secrets": ListOf(
            Struct(
                "SecretReference",
                {"File": _SECRET_FILE, "SecretID": STRING, "SecretName": STRING},
                "swarm.SecretReference",
            ),
            "[]*swarm.SecretReference",
        ),
        "Configs": ListOf(
            Struct(
                "ConfigReference",
                {
                    "File": _CONFIG_FILE,
                    "Runtime": Anything(),
                    "ConfigID": STRING,
                    "ConfigName": STRING,
                },
                "swarm.ConfigReference",
            ),
            "[]*swarm.ConfigReference",
        ),
        "Isolation": Scalar("container.Isolation", "string"),
        "Sysctls": STRING_MAP,
        "CapabilityAdd": STRINGS,
        "CapabilityDrop": STRINGS,
        "Ulimits": Anything(),
    },
    "swarm.ContainerSpec",
)
_RESERVED: dict[str, Schema] = {"NanoCPUs": INT64, "MemoryBytes": INT64}
_LIMITS: dict[str, Schema] = {**_RESERVED, "Pids": INT64}
_NETWORK = Struct(
    "NetworkAttachmentConfig",
    {"Target": STRING, "Aliases": STRINGS, "DriverOpts": STRING_MAP},
    "swarm.NetworkAttachmentConfig",
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
                "Limits": Struct("Limit", _LIMITS, "swarm.Limit"),
                "Reservations": Struct(
                    "Resources", {**_RESERVED, "GenericResources": Anything()}, "swarm.Resources"
                ),
            },
            "swarm.ResourceRequirements",
        ),
        "RestartPolicy": Struct(
            "RestartPolicy",
            {
                "Condition": Scalar("swarm.RestartPolicyCondition", "string"),
                "Delay": DURATION,
                "MaxAttempts": _UINT64,
                "Window": DURATION,
            },
            "swarm.RestartPolicy",
        ),
        "Placement": Struct(
            "Placement",
            {
                "Constraints": STRINGS,
                "Preferences": Anything(),
                "MaxReplicas": _UINT64,
                "Platforms": Anything(),
            },
            "swarm.Placement",
        ),
        "Networks": ListOf(_NETWORK, "[]swarm.NetworkAttachmentConfig"),
        "LogDriver": Struct("Driver", {"Name": STRING, "Options": STRING_MAP}, "swarm.Driver"),
        "ForceUpdate": _UINT64,
        "Runtime": Scalar("swarm.RuntimeType", "string"),
    },
    "swarm.TaskSpec",
)
_UPDATE = Struct(
    "UpdateConfig",
    {
        "Parallelism": _UINT64,
        "Delay": DURATION,
        "FailureAction": STRING,
        "Monitor": DURATION,
        "MaxFailureRatio": Scalar("float32"),
        "Order": STRING,
    },
    "swarm.UpdateConfig",
)
_PORT = Struct(
    "PortConfig",
    {
        "Name": STRING,
        "Protocol": Scalar("swarm.PortConfigProtocol", "string"),
        "TargetPort": _UINT32,
        "PublishedPort": _UINT32,
        "PublishMode": Scalar("swarm.PortConfigPublishMode", "string"),
    },
    "swarm.PortConfig",
)

SERVICE_SPEC = Struct(
    "ServiceSpec",
    {
        **_ANNOTATIONS,
        "TaskTemplate": _TASK,
        "Mode": Struct(
            "ServiceMode",
            {
                "Replicated": Struct(
                    "ReplicatedService", {"Replicas": _UINT64}, "swarm.ReplicatedService"
                ),
                "Global": Struct("GlobalService", {}, "swarm.GlobalService"),
                "ReplicatedJob": Struct("ReplicatedJob", {}, "swarm.ReplicatedJob"),
                "GlobalJob": Struct("GlobalJob", {}, "swarm.GlobalJob"),
            },
            "swarm.ServiceMode",
        ),
        "UpdateConfig": _UPDATE,
        "RollbackConfig": _UPDATE,
        "Networks": ListOf(_NETWORK, "[]swarm.NetworkAttachmentConfig"),
        "EndpointSpec": Struct(
            "EndpointSpec",
            {
                "Mode": Scalar("swarm.ResolutionMode", "string"),
                "Ports": ListOf(_PORT, "[]swarm.PortConfig"),
            },
            "swarm.EndpointSpec",
        ),
    },
    "swarm.ServiceSpec",
)

NODE_SPEC = Struct(
    "NodeSpec",
    {
        **_ANNOTATIONS,
        "Role": Scalar("swarm.NodeRole", "string"),
        "Availability": Scalar("swarm.NodeAvailability", "string"),
    },
    "swarm.NodeSpec",
)

BLOB_SPEC = Struct(
    "SecretSpec",
    {
        **_ANNOTATIONS,
        "Data": Scalar("[]uint8", "string"),
        "Driver": Anything(),
        "Templating": Anything(),
    },
    "swarm.SecretSpec",
)

SWARM_SPEC = Struct(
    "Spec",
    {
        **_ANNOTATIONS,
        "Orchestration": Struct(
            "OrchestrationConfig", {"TaskHistoryRetentionLimit": INT64}, "swarm.OrchestrationConfig"
        ),
        "Raft": Struct(
            "RaftConfig",
            {
                "SnapshotInterval": _UINT64,
                "KeepOldSnapshots": _UINT64,
                "LogEntriesForSlowFollowers": _UINT64,
                "ElectionTick": INT,
                "HeartbeatTick": INT,
            },
            "swarm.RaftConfig",
        ),
        "Dispatcher": Struct(
            "DispatcherConfig", {"HeartbeatPeriod": DURATION}, "swarm.DispatcherConfig"
        ),
        "CAConfig": Struct(
            "CAConfig",
            {
                "NodeCertExpiry": DURATION,
                "ExternalCAs": Anything(),
                "SigningCACert": STRING,
                "SigningCAKey": STRING,
                "ForceRotate": _UINT64,
            },
            "swarm.CAConfig",
        ),
        "TaskDefaults": Struct("TaskDefaults", {"LogDriver": Anything()}, "swarm.TaskDefaults"),
        "EncryptionConfig": Struct(
            "EncryptionConfig", {"AutoLockManagers": BOOL}, "swarm.EncryptionConfig"
        ),
    },
    "swarm.Spec",
)

SWARM_INIT = Struct(
    "InitRequest",
    {
        "ListenAddr": STRING,
        "AdvertiseAddr": STRING,
        "DataPathAddr": STRING,
        "DataPathPort": _UINT32,
        "ForceNewCluster": BOOL,
        "Spec": SWARM_SPEC,
        "AutoLockManagers": BOOL,
        "Availability": Scalar("swarm.NodeAvailability", "string"),
        "DefaultAddrPool": STRINGS,
        "SubnetSize": _UINT32,
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
        "Availability": Scalar("swarm.NodeAvailability", "string"),
    },
    "swarm.JoinRequest",
)

SWARM_UNLOCK = Struct("UnlockRequest", {"UnlockKey": STRING}, "swarm.UnlockRequest")
