# Starts the slot on trial while it has tries left, else the primary one (docs/FORMAT.md 5.11, 5.12).
# Built into U-Boot as its boot command; docs/boot-loaders/u-boot.md says how. The board sets
# pawl_device (interface and partition of the ESP, such as "mmc 0:1") and pawl_fdt (address of its
# device tree). One image per power cycle: a failed start resets, always.

setenv bootargs
setenv pawl_slot a
if test "${pawl_primary}" = b; then setenv pawl_slot b; fi

# A try is stored as used before it is started; what cannot be stored is not tried.
setenv pawl_started
if test "${pawl_trial}" = a; then setenv pawl_started a; fi
if test "${pawl_trial}" = b; then setenv pawl_started b; fi
if test -n "${pawl_started}"; then
  if test "${pawl_tries}" -gt 0; then
    setexpr pawl_tries ${pawl_tries} - 1
    if saveenv; then setenv pawl_slot ${pawl_started}; fi
  fi
fi

load ${pawl_device} ${kernel_addr_r} /EFI/pawl/${pawl_slot}.efi
fdt addr ${pawl_fdt}
fdt resize
fdt set /chosen pawl,slot ${pawl_slot}
bootefi ${kernel_addr_r} ${pawl_fdt}
reset
