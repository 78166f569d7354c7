"""PCA9685: PWM generator by NXP, 16 channels of 12 bits at one frequency."""

from wisblock_bridge.chips.pca9685.driver import PCA9685, ChannelSteps

__all__ = ["PCA9685", "ChannelSteps"]
