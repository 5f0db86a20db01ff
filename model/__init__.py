"""What each primitive may do: transition systems, and the engines that explore them."""
