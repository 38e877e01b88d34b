/*
 * Landlock rules are made in the child, because /proc/self is the child's own there. The seccomp
 * filter is an allow list: what is not on it fails with EPERM, so that libraries that only try
 * something go on without it.
 *
 * clone3 keeps its flags in memory, where a filter cannot see them; it answers ENOSYS and the C
 * library uses clone, whose flags are checked. setsid and setpgid are left out on purpose: nothing
 * leaves the group that is killed.
 */
#include "host/sandbox.h"

#include "base/base.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct sandbox {
    const char *program;
    const char *program_folder;
    bool runs_programs;
    bool reaches_network;
    struct sock_fprog filter;
};

/* ---- Landlock ---- */

/* As in the kernel's ABI 6; older headers lack most of it. */
enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_ABI_1 = (1 << 13) - 1,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15,
    /* What a rule about a file, not a folder, may hold. */
    FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
    NET_BIND_TCP = 1 << 0,
    NET_CONNECT_TCP = 1 << 1,
    SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
    SCOPE_SIGNAL = 1 << 1,
    RULE_PATH_BENEATH = 1,
    RULE_NET_PORT = 2,
    CREATE_RULESET_VERSION = 1,
    ABI_REFER = 2,
    ABI_TRUNCATE = 3,
    ABI_NETWORK = 4,
    ABI_IOCTL_DEV = 5,
    ABI_SCOPES = 6,
};

struct ruleset {
    uint64_t fs, net, scopes;
};

struct port_rule {
    uint64_t allowed, port;
};

/* 0 when the kernel has no Landlock, or it is switched off. */
static int landlock_abi(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

static struct ruleset make_ruleset(const struct sandbox *sandbox, int abi) {
    struct ruleset rules = {.fs = FS_ABI_1};
    if (abi >= ABI_REFER)
        rules.fs |= FS_REFER;
    if (abi >= ABI_TRUNCATE)
        rules.fs |= FS_TRUNCATE;
    if (abi >= ABI_IOCTL_DEV)
        rules.fs |= FS_IOCTL_DEV;
    if (abi >= ABI_NETWORK)
        rules.net = NET_BIND_TCP | (sandbox->reaches_network ? 0 : NET_CONNECT_TCP);
    if (abi >= ABI_SCOPES)
        rules.scopes = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    return rules;
}

/* A path that is not there needs no rule. */
static bool allow_path(int rules_fd, const char *path, uint64_t allowed) {
    int fd CLEANUP(fd_cleanup) = open(path, O_PATH | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (!S_ISDIR(info.st_mode))
        allowed &= FS_OF_FILES;
    const struct landlock_path_beneath_attr rule = {.allowed_access = allowed, .parent_fd = fd};
    return syscall(SYS_landlock_add_rule, rules_fd, RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool allow_files(int rules_fd, const struct sandbox *sandbox, const char *own_folder,
                        uint64_t handled) {
    const uint64_t reads = FS_READ_FILE | FS_READ_DIR;
    const uint64_t runs = sandbox->runs_programs ? reads | FS_EXECUTE : reads;
    const struct {
        const char *path;
        uint64_t allowed;
    } table[] = {
        {"/usr", runs},
        {"/bin", runs},
        {"/lib", runs},
        {"/lib64", runs},
        /* The loader of dynamic programs is run, too. */
        {"/lib64/ld-linux-x86-64.so.2", FS_READ_FILE | FS_EXECUTE},
        {"/lib/ld-linux-aarch64.so.1", FS_READ_FILE | FS_EXECUTE},
        {sandbox->program_folder, reads},
        {sandbox->program, FS_READ_FILE | FS_EXECUTE},
        {"/etc/ld.so.cache", reads},
        {"/etc/ssl", reads},
        {"/etc/pki", reads},
        {"/etc/resolv.conf", reads},
        {"/etc/hosts", reads},
        {"/etc/nsswitch.conf", reads},
        {"/etc/localtime", reads},
        {"/etc/fonts", reads},
        {"/proc/self", reads},
        {"/proc/cpuinfo", reads},
        {"/proc/meminfo", reads},
        {"/sys/devices/system/cpu", reads},
        {"/dev/null", reads | FS_WRITE_FILE | (handled & FS_TRUNCATE)},
        {"/dev/zero", reads},
        {"/dev/urandom", reads},
        {"/dev/random", reads},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (!allow_path(rules_fd, table[i].path, table[i].allowed))
            return false;
    return own_folder == NULL ||
           allow_path(rules_fd, own_folder, handled & ~(uint64_t)(FS_IOCTL_DEV | FS_EXECUTE));
}

static bool allow_ports(int rules_fd, const struct sandbox_entry *entry) {
    for (size_t i = 0; i < entry->port_count; i++) {
        const struct port_rule rule = {NET_CONNECT_TCP, entry->ports[i]};
        if (syscall(SYS_landlock_add_rule, rules_fd, RULE_NET_PORT, &rule, 0) != 0)
            return false;
    }
    return true;
}

static bool restrict_files(const struct sandbox *sandbox, const struct sandbox_entry *entry) {
    int abi = landlock_abi();
    if (abi == 0)
        return true;
    const struct ruleset rules = make_ruleset(sandbox, abi);
    /* Kernels before ABI 4 know a shorter struct; what they do not know is zero then. */
    int fd CLEANUP(fd_cleanup) = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    return fd >= 0 && allow_files(fd, sandbox, entry->folder, rules.fs) &&
           ((rules.net & NET_CONNECT_TCP) == 0 || allow_ports(fd, entry)) &&
           syscall(SYS_landlock_restrict_self, fd, 0) == 0;
}

/* ---- seccomp ---- */

/* What programs of C, Python, shells and Node use to compute, to read and write files, to talk to
 * sockets they have, and to run threads and children. */
static const char *const allowed_calls[] = {
    "read",
    "write",
    "pread64",
    "pwrite64",
    "readv",
    "writev",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "open",
    "openat",
    "openat2",
    "close",
    "close_range",
    "lseek",
    "fstat",
    "stat",
    "lstat",
    "newfstatat",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents",
    "getdents64",
    "getcwd",
    "chdir",
    "fchdir",
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "truncate",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "fchmod",
    "chmod",
    "fchmodat",
    "umask",
    "utimensat",
    "statfs",
    "fstatfs",
    "fadvise64",
    "copy_file_range",
    "sendfile",
    "splice",
    "tee",
    "flock",
    "fcntl",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    "eventfd",
    "eventfd2",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "signalfd4",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    "mlock",
    "munlock",
    "msync",
    "mincore",
    "membarrier",
    "get_mempolicy",
    "pkey_alloc",
    "pkey_mprotect",
    "pkey_free",
    "exit",
    "exit_group",
    "execve",
    "fork",
    "vfork",
    "wait4",
    "waitid",
    "getpid",
    "getppid",
    "gettid",
    "getpgrp",
    "getpgid",
    "getsid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "getrusage",
    "times",
    "getrlimit",
    "uname",
    "sysinfo",
    "getpriority",
    "getcpu",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "capget",
    "futex",
    "futex_waitv",
    "set_tid_address",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "arch_prctl",
    "kill",
    "tkill",
    "tgkill",
    "pause",
    "alarm",
    "getitimer",
    "setitimer",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigpending",
    "rt_sigtimedwait",
    "sigaltstack",
    "restart_syscall",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "timer_create",
    "timer_settime",
    "timer_gettime",
    "timer_getoverrun",
    "timer_delete",
    "getrandom",
    "connect",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "sendmmsg",
    "recvmmsg",
    "shutdown",
    "socketpair",
};

enum {
    NAMESPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                 CLONE_NEWNET | CLONE_NEWCGROUP,
    SOCKET_TYPE_MASK = 0xf, /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
    CONTROL_SET_VMA = 0x53564d41,
    MAX_FILTER_BYTES = 65536,
};

static int allow_calls(scmp_filter_ctx filter) {
    for (size_t i = 0; i < ARRAY_SIZE(allowed_calls); i++) {
        int number = seccomp_syscall_resolve_name(allowed_calls[i]);
        /* Negative: of other processors. */
        if (number < 0)
            continue;
        int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
        if (result != 0)
            return result;
    }
    return 0;
}

static int allow_sockets(scmp_filter_ctx filter, bool datagrams) {
    static const int families[] = {AF_INET, AF_INET6};
    int result = 0;
    for (size_t i = 0; i < ARRAY_SIZE(families) && result == 0; i++) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]),
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, SOCK_STREAM));
        if (result == 0 && datagrams)
            result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                                      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]),
                                      SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, SOCK_DGRAM));
    }
    return result;
}

/* Calls that are fine with some arguments only. */
static int allow_bounded(scmp_filter_ctx filter, bool reaches_network) {
    int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* Its own limits, not those of others of the same user. */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                                  SCMP_A0(SCMP_CMP_EQ, 0));
    /* What programs ask without a terminal, and whether there is one: TIOCSTI and its like would
     * type into somebody else's. */
    static const scmp_datum_t requests[] = {FIONREAD, FIONBIO, FIOCLEX,
                                            FIONCLEX, TCGETS,  TIOCGWINSZ};
    for (size_t i = 0; i < ARRAY_SIZE(requests) && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, requests[i]));
    /* Names of threads and of memory. Not the signal that comes with the server's end, for one. */
    static const scmp_datum_t controls[] = {PR_SET_NAME,     PR_GET_NAME,         PR_GET_DUMPABLE,
                                            PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS, CONTROL_SET_VMA};
    for (size_t i = 0; i < ARRAY_SIZE(controls) && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                  SCMP_A0(SCMP_CMP_EQ, controls[i]));
    return result == 0 ? allow_sockets(filter, reaches_network) : result;
}

static bool read_filter(struct arena *arena, int fd, struct sock_fprog *ret) {
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || size > MAX_FILTER_BYTES)
        return false;
    struct sock_filter *code = arena_alloc(arena, (size_t)size);
    if (pread(fd, code, (size_t)size, 0) != size)
        return false;
    *ret = (struct sock_fprog){(unsigned short)((size_t)size / sizeof *code), code};
    return true;
}

static void release_filter(scmp_filter_ctx *filter) {
    if (*filter != NULL)
        seccomp_release(*filter);
}

static bool make_filter(struct arena *arena, bool reaches_network, struct sock_fprog *ret,
                        struct error *err) {
    scmp_filter_ctx filter CLEANUP(release_filter) = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int fd CLEANUP(fd_cleanup) = memfd_create("filter", MFD_CLOEXEC);
    if (filter == NULL || fd < 0)
        return error_set(err, ERROR_INTERNAL, NULL, "cannot make a seccomp filter");
    int result = allow_calls(filter);
    if (result == 0)
        result = allow_bounded(filter, reaches_network);
    if (result == 0)
        result = seccomp_export_bpf(filter, fd);
    errno = -result;
    if (result != 0 || !read_filter(arena, fd, ret))
        return error_errno(err, "cannot make a seccomp filter");
    return true;
}

/* ---- both ---- */

bool sandbox_new(struct arena *arena, const struct sandbox_options *options,
                 const struct sandbox **ret, struct error *err) {
    struct sandbox *sandbox = arena_alloc(arena, sizeof *sandbox);
    const char *slash = strrchr(options->program, '/');
    *sandbox = (struct sandbox){
        .program = arena_strdup(arena, options->program),
        .program_folder =
            arena_strndup(arena, options->program,
                          slash > options->program ? (size_t)(slash - options->program) : 1),
        .runs_programs = options->runs_programs,
        .reaches_network = options->reaches_network,
    };
    if (!make_filter(arena, options->reaches_network, &sandbox->filter, err))
        return false;
    *ret = sandbox;
    return true;
}

static bool has_seccomp(void) {
    /* EFAULT from a kernel that has it: it wanted to read the filter. */
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) != 0 && errno == EFAULT;
}

bool sandbox_enter(const struct sandbox *sandbox, const struct sandbox_entry *entry) {
    if (!restrict_files(sandbox, entry))
        return false;
    return !has_seccomp() || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &sandbox->filter) == 0;
}

const char *sandbox_missing(struct arena *arena) {
    int abi = landlock_abi();
    const struct {
        bool missing;
        const char *name;
    } parts[] = {
        {abi == 0, "Landlock"},
        {abi > 0 && abi < ABI_TRUNCATE, "Landlock's bounds of truncation"},
        {abi > 0 && abi < ABI_NETWORK, "Landlock's bounds of the network"},
        {abi > 0 && abi < ABI_SCOPES, "Landlock's bounds of signals"},
        {!has_seccomp(), "seccomp"},
    };
    const char *text = "";
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (parts[i].missing)
            text = arena_printf(arena, "%s%s%s", text, text[0] != '\0' ? ", " : "", parts[i].name);
    return text;
}
